"""Pipelines as the command line asks for them: a target, inputs, an output, and their fields."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as filled
from pathlib import Path
from typing import Any, get_type_hints

from raymill.app.pipeline_file import PipelineFile
from raymill.app.targets import Builder, Target, find
from raymill.errors import ConfigError, unknown
from raymill.flow import parameters
from raymill.flow.declare import Configured
from raymill.flow.pipeline import Node, Pipeline, Stream, order, read
from raymill.flow.signature import Parameter
from raymill.flow.sink import Write
from raymill.flow.source import Read


@dataclass(frozen=True)
class Request:
    """What a user names for a run; `given` is text or values by name (`--set`)."""

    target: str
    inputs: tuple[str, ...] = ()
    output: str | None = None
    from_: str | None = None
    to: str | None = None
    field: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    as_: str | None = None
    given: Mapping[str, Any] = filled(default_factory=dict)
    config: str | None = None


def named_pipeline(request: Request) -> tuple[str, Pipeline]:
    """Find the target and build its pipeline. Raises ConfigError, PipelineError."""
    target = find(request.target)
    return target.name, _with_output(target, _built(target, request), request)


def _built(target: Target, request: Request) -> Stream | Pipeline:
    thing = target.thing
    if isinstance(thing, Configured):
        return _of_task(target, thing, request)
    for option in ("field", "key", "as_"):
        if getattr(request, option):
            raise ConfigError(
                f"`--{option.strip('_')}` is for a single task; `{target.name}` binds its fields",
                hint="--set TASK.name=value sets a parameter of one of its tasks",
            )
    if isinstance(thing, Builder):
        return _of_builder(target, thing, request)
    given = _flat(request)
    if isinstance(thing, PipelineFile):
        start = _rebased(thing.source, request) if thing.source else _start(target, request)
        built: Stream | Pipeline = thing.pipeline(Stream(Node("read", read=start, label="read")))
    else:
        built = _reading(thing, request)
    return _configured(built, given, request, target.name)


def _start(target: Target, request: Request) -> Read:
    if not request.inputs:
        raise ConfigError(
            f"`{target.name}` needs an input", hint="name files, or `-` for standard input"
        )
    return Read(_paths(request), request.from_)


def _paths(request: Request) -> str | list[str]:
    return request.inputs[0] if len(request.inputs) == 1 else list(request.inputs)


def _rebased(source: Read, request: Request) -> Read:
    """A pipeline's own source, with the inputs and the format that were named instead."""
    what = _paths(request) if request.inputs else source.what
    return Read(what, request.from_ or source.format, source.options)


def _of_task(target: Target, task: Configured, request: Request) -> Stream:
    start = _start(target, request)
    values = _task_config(task, request.config)
    names = {p.name for p in task.declared.parameters}
    bound = {n: values.pop(n) for n in ("field", "key", "as") if n in values and n not in names}
    fields = _one_or_more(request.field or _listed(bound.get("field")))
    as_ = request.as_ or bound.get("as")
    return read(start.what, start.format).then(
        task,
        field=fields,
        key=request.key or _listed(bound.get("key")) or None,
        as_=as_,
        **{**values, **_for_then(request.given)},
    )


def _for_then(given: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in ("task", "field", "key", "as_", "label"):
        if name in given:
            raise ConfigError(
                f"`--set {name}=...` is no parameter", hint="there are --field, --key and --as"
            )
    return given


def _task_config(task: Configured, config: str | None) -> dict[str, Any]:
    if config is None:
        return {}
    return parameters.read_config(config, task.declared.options.properties)


def _one_or_more(names: tuple[str, ...]) -> str | tuple[str, ...] | None:
    return names[0] if len(names) == 1 else names or None


def _listed(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def _of_builder(target: Target, builder: Builder, request: Request) -> Stream | Pipeline:
    given = _flat(request)
    own = _keywords(builder.function)
    values = {n: given.pop(n) for n in list(given) if "." not in n}
    checked = parameters.validate(target.name, own, values)
    start = _start(target, request)
    built = builder.function(read(start.what, start.format), **checked)
    if not isinstance(built, Stream | Pipeline):
        raise ConfigError(
            f"`{request.target}` gave {type(built).__name__}, not a Stream or a Pipeline",
            hint="return what `then` or `write` gives",
        )
    return _configured(built, given, request, target.name)


def _keywords(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    hints = get_type_hints(function, include_extras=True)
    return tuple(
        Parameter(p.name, hints.get(p.name, Any), p.default)
        for p in inspect.signature(function).parameters.values()
        if p.kind is p.KEYWORD_ONLY
    )


def _flat(request: Request) -> dict[str, Any]:
    """What was set, by `TASK.name`; from a YAML configuration, then from the command line."""
    values: dict[str, Any] = {}
    if request.config is not None and Path(request.config).suffix != ".properties":
        for name, value in parameters.read_config(request.config, {}).items():
            nested = isinstance(value, Mapping)
            values |= {f"{name}.{n}": v for n, v in value.items()} if nested else {name: value}
    return {**values, **request.given}


def _reading(built: Stream | Pipeline, request: Request) -> Stream | Pipeline:
    def change(node: Node) -> Node:
        return replace(node, read=_rebased(node.read, request)) if node.read is not None else node

    return rewritten(built, change)


def _configured(
    built: Stream | Pipeline, given: Mapping[str, Any], request: Request, name: str
) -> Stream | Pipeline:
    """Set parameters of a pipeline's tasks: from a `.properties` file, then `TASK.name`."""
    labels = {node.label for node in order(_ends(built)) if node.task is not None}
    of_task: dict[str, dict[str, Any]] = {}
    for full, value in given.items():
        label, dot, parameter = full.rpartition(".")
        if not dot:
            raise ConfigError(
                f"`--set {full}` does not say which task of `{name}` it is for",
                hint=f"write TASK.{full}; tasks: {', '.join(sorted(labels))}",
            )
        if label not in labels:
            raise unknown(f"task in `{name}`:", label, labels)
        of_task.setdefault(label, {})[parameter] = value

    def change(node: Node) -> Node:
        if node.task is None:
            return node
        values = _properties_of(node, request.config)
        bound = node.field or _one_or_more(_listed(values.pop("field", None)))
        given = {**node.given, **values, **of_task.get(node.label, {})}
        return replace(node, given=given, field=bound)

    return rewritten(built, change)


def _properties_of(node: Node, config: str | None) -> dict[str, Any]:
    if node.task is None or config is None or Path(config).suffix != ".properties":
        return {}
    return _task_config(node.task, config)


def _ends(built: Stream | Pipeline) -> list[Node]:
    return [built.node] if isinstance(built, Stream) else [node for node, _ in built.sinks]


def rewritten(built: Stream | Pipeline, change: Callable[[Node], Node]) -> Stream | Pipeline:
    """The same graph with every node changed, branches kept."""
    made: dict[int, Node] = {}
    for node in order(_ends(built)):
        inputs = tuple(made[id(before)] for before in node.inputs)
        made[id(node)] = change(replace(node, inputs=inputs))
    if isinstance(built, Stream):
        return Stream(made[id(built.node)])
    return Pipeline(tuple((made[id(node)], write) for node, write in built.sinks))


def _with_output(target: Target, built: Stream | Pipeline, request: Request) -> Pipeline:
    if isinstance(built, Stream):
        return built.write(request.output, request.to)
    if request.output is None and request.to is None:
        return built
    if len(built.sinks) > 1:
        raise ConfigError(
            f"`{target.name}` has {len(built.sinks)} outputs of its own",
            hint="leave -o and --to out",
        )
    ((node, write),) = built.sinks
    if request.output is not None:
        return Pipeline(((node, Write(request.output, request.to)),))
    return Pipeline(((node, Write(write.where, request.to)),))


def sinks_of(pipeline: Pipeline) -> Iterator[str]:
    """The paths that a pipeline writes to, `-` for standard output."""
    for _, write in pipeline.sinks:
        if write.where is None or isinstance(write.where, str):
            yield write.where or "-"
