"""Pipelines written in YAML: a source, tasks as a graph, sinks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from raymill.app.objects import in_folder, load_object
from raymill.app.pipeline_schema import (
    Join,
    Part,
    Select,
    SinkPart,
    SourcePart,
    TaskPart,
    Union,
    Window,
    Written,
    parse,
)
from raymill.errors import ConfigError, InputError, near, unknown
from raymill.flow.pipeline import Pipeline, Stream
from raymill.flow.sink import Write
from raymill.flow.source import Read

SOURCE = "source"


@dataclass(frozen=True)
class PipelineFile:
    """A pipeline as its file says it; the input may still be given."""

    path: str
    written: Written

    @property
    def source(self) -> Read | None:
        """The source that the file names, if it names one."""
        part = self.written.source
        return read_of(part) if part is not None else None

    def pipeline(self, start: Stream) -> Pipeline:
        """Build it over a source. Raises ConfigError, UnknownName, PipelineError."""
        streams: dict[str, Stream] = {SOURCE: start}
        used: set[str] = set()
        last = SOURCE
        for number, part in enumerate(self.written.tasks, start=1):
            name = part.name or part.kind_name()
            if name in streams:
                raise ConfigError(
                    f"`{self.path}`, task {number}: there is a `{name}` already",
                    hint="tell them apart with `name:`",
                )
            before = [self._at(streams, each, number) for each in part.inputs(last)]
            used.update(part.inputs(last))
            streams[name] = self._add(part, name, [streams[each] for each in before])
            last = name
        return self._ended(streams, used, last)

    def _at(self, streams: Mapping[str, Stream], name: str, number: int) -> str:
        if name in streams:
            return name
        later = [part.name or part.kind_name() for part in self.written.tasks[number - 1 :]]
        if name in later:
            raise ConfigError(
                f"`{self.path}`, task {number}: `{name}` comes later in the file",
                hint="a task stands behind those that it takes records from",
            )
        raise unknown(f"task in `{self.path}`:", name, streams)

    def _ended(self, streams: Mapping[str, Stream], used: set[str], last: str) -> Pipeline:
        sinks = self.written.sinks or [SinkPart.model_validate({})]
        ends = []
        for sink in sinks:
            place = sink.from_ or last
            if place not in streams:
                raise unknown(f"task in `{self.path}`:", place, streams)
            used.add(place)
            ends.append((streams[place].node, write_of(sink)))
        if loose := [name for name in streams if name not in used]:
            raise ConfigError(
                f"`{self.path}`: the records of `{loose[0]}` go nowhere",
                hint=f"give a sink or a task `from: {loose[0]}`, or leave it out",
            )
        return Pipeline(tuple(ends))

    def _add(self, part: Part, name: str, before: Sequence[Stream]) -> Stream:
        first, *others = before
        match part:
            case TaskPart():
                task = self._object(part.task)
                given = {**part.set, **part.binding()}
                return first.then(task, label=name, **given)
            case Window():
                made = first.window(self._aggregate(part.window), **part.sizes(), **part.binding())
                return _labelled(made, name)
            case Select():
                return _labelled(first.select(*part.select), name)
            case Join():
                for other in others:
                    first = first.join(other, how=part.how)
                return _labelled(first, name)
            case Union():
                for other in others:
                    first = first.union(other)
                return _labelled(first, name)
        raise AssertionError(part)

    def _object(self, text: str) -> Any:
        return load_object(text, self._folder) if ":" in text else text

    def _aggregate(self, text: str) -> str:
        place, colon, name = text.rpartition(":")
        return f"{in_folder(place, self._folder)}:{name}" if colon else text

    @property
    def _folder(self) -> Path:
        return Path(self.path).parent


def _labelled(stream: Stream, name: str) -> Stream:
    return Stream(replace(stream.node, label=name))


def read_of(part: SourcePart) -> Read:
    """The source as a pipeline declares it."""
    return Read(part.path, part.format, part.options)


def write_of(part: SinkPart) -> Write:
    """The sink as a pipeline declares it."""
    return Write(part.path, part.format, part.options)


def read_pipeline_file(path: str) -> PipelineFile:
    """Read and check a file. Raises InputError, ConfigError that names the place in it."""
    import yaml

    place = Path(path)
    try:
        loaded = yaml.load(place.read_text(encoding="utf-8-sig"), Loader=yaml.CSafeLoader)
    except FileNotFoundError:
        folder = place.parent
        names = [each.name for each in folder.glob("*")] if folder.is_dir() else []
        hint = near(place.name, names)
        raise InputError(f"Pipeline file `{path}` does not exist", hint=hint) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Pipeline file `{path}` cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"`{path}` is not YAML: {_one_line(error)}") from error
    return PipelineFile(path, parse(loaded, path))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
