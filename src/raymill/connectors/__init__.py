"""Files, standard streams and memory as sources and sinks: one module a format, found by name or
file ending."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from raymill.errors import ConfigError, unknown
from raymill.flow import registry
from raymill.flow.sink import Sink, Write
from raymill.flow.source import Read, Source

ENDINGS: Mapping[str, str] = {
    ".senml.csv": "senml-csv",
    "senml.csv": "senml-csv",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".txt": "lines",
    ".log": "lines",
    ".xml": "lines",
}
COMPRESSED = (".gz", ".gzip", ".zst", ".zstd")


def format_of(name: str) -> str:
    """The format that a file's ending names, compression aside; `lines` where none does.

    >>> format_of("city_senml.csv.gz"), format_of("out.parquet"), format_of("notes")
    ('senml-csv', 'parquet', 'lines')
    """
    return _by_ending(name) or "lines"


def _by_ending(name: str) -> str | None:
    bare = name.lower()
    for ending in COMPRESSED:
        bare = bare.removesuffix(ending)
    return next((kind for ending, kind in ENDINGS.items() if bare.endswith(ending)), None)


def open_source(read: Read) -> Source:
    """Make the source that a pipeline names. Raises InputError, UnknownName, ConfigError."""
    what = read.what
    if hasattr(what, "pieces"):
        return what  # type: ignore[no-any-return]
    if isinstance(what, str | Path):
        what = [what]
    if not _are_paths(what):
        from raymill.connectors.iterable import IterableSource

        return IterableSource(what, **read.options)
    paths = tuple(str(path) for path in what)
    if not paths:
        raise ConfigError("There is no input", hint="name a file, or - for standard input")
    kind = read.format or _one_format(paths)
    source: Source = _made(registry.load(registry.SOURCES, kind), kind, paths, read.options)
    return source


def _one_format(paths: tuple[str, ...]) -> str:
    first = format_of(paths[0])
    for path in paths:
        if format_of(path) != first:
            problem = f"`{paths[0]}` is {first} by its ending, but `{path}` is {format_of(path)}"
            raise ConfigError(problem, hint="read one format at a time, or name it with --from")
    return first


def _are_paths(what: Any) -> bool:
    return isinstance(what, list | tuple) and all(isinstance(one, str | Path) for one in what)


def open_sink(write: Write) -> Sink:
    """Make the sink that a pipeline names. Raises UnknownName, ConfigError."""
    where = write.where
    if hasattr(where, "encode") and hasattr(where, "mark"):
        return where  # type: ignore[no-any-return]
    if isinstance(where, list):
        from raymill.connectors.memory import MemorySink

        return MemorySink(where, **write.options)
    path = "-" if where is None else str(where)
    kind = write.format or _by_ending(path) or "jsonl"  # which holds every record whole
    sink: Sink = _made(registry.load(registry.SINKS, kind), kind, path, write.options)
    return sink


def _made(make: Any, kind: str, place: Any, options: Mapping[str, Any]) -> Any:
    import inspect

    known = inspect.signature(make).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in known.values()):
        for name in options:
            if name not in known:
                names: Iterable[str] = list(known)[1:]
                raise unknown(f"option of format `{kind}`:", name, names, kind=ConfigError)
    return make(place, **options)
