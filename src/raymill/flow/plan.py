"""Checks a pipeline and resolves every name in it, before the first record."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pyarrow as pa

from raymill.errors import PipelineError, near
from raymill.flow.column_task import Kind, Port, Spec, Task
from raymill.flow.declare import Configured, first_port
from raymill.flow.pipeline import Node, Pipeline, order
from raymill.flow.sink import Write
from raymill.flow.source import Source

Place = Literal["anywhere", "group", "one"]


@dataclass(frozen=True)
class Bound:
    """One node with everything resolved: what an engine runs."""

    number: int
    kind: Literal["read", "task", "union", "join", "select"]
    label: str
    inputs: tuple[int, ...]
    schema: pa.Schema  # of what it hands on
    task: Task | None = None
    spec: Spec = field(default_factory=Spec)
    ports: Mapping[str, str] = field(default_factory=dict)  # port -> input column
    key: tuple[str, ...] = ()
    place: Place = "anywhere"
    outputs: Mapping[str, str] = field(
        default_factory=dict
    )  # added column -> its name in the output
    columns: tuple[str, ...] = ()
    how: str = "inner"
    identity: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """A pipeline, ready to run: nodes in topological order, node 0 the source."""

    nodes: tuple[Bound, ...]
    sinks: tuple[tuple[int, Write], ...]
    wanted: frozenset[str]  # columns of the source that anything needs

    def identity(self) -> list[dict[str, Any]]:
        """What must be the same for a resume, node by node (JSON values)."""
        return [dict(node.identity) for node in self.nodes[1:]]

    def warnings(self) -> list[str]:
        """What is allowed, and probably not meant."""
        return [
            f"task `{node.label}` reads {', '.join(f'`{port}`' for port in node.spec.reads)}, "
            "and the input has none of them"
            for node in self.nodes
            if node.spec.reads and not node.ports
        ]

    def places(self) -> dict[str, str]:
        """Where each task runs."""
        return {node.label: node.place for node in self.nodes if node.kind == "task"}


def plan(pipeline: Pipeline, source: Source) -> Plan:
    """Resolve a pipeline over an opened source. Raises PipelineError that names field and near
    matches."""
    schema = source.schema()
    quiet = frozenset(getattr(source, "quiet", ()))
    usual = pa.schema([column for column in schema if column.name not in quiet])
    try:
        nodes, ends, learnt = _resolve(pipeline, source, usual, {})
    except PipelineError:
        if not quiet:
            raise
        nodes, ends, learnt = _resolve(pipeline, source, schema, {})
    wanted = _wanted(nodes, ends, quiet)
    if wanted != frozenset(nodes[0].schema.names):
        made = pa.schema([column for column in schema if column.name in wanted])
        nodes, ends, _ = _resolve(pipeline, source, made, learnt)
    sinks = tuple((end, write) for end, (_, write) in zip(ends, pipeline.sinks, strict=True))
    return Plan(nodes, sinks, wanted)


def _resolve(
    pipeline: Pipeline, source: Source, schema: pa.Schema, learnt: dict[int, Task]
) -> tuple[tuple[Bound, ...], list[int], dict[int, Task]]:
    planner = _Planner(source, schema, learnt)
    numbers: dict[int, int] = {}
    for node in order([node for node, _ in pipeline.sinks]):
        numbers[id(node)] = planner.add(node, tuple(numbers[id(before)] for before in node.inputs))
    return tuple(planner.nodes), [numbers[id(node)] for node, _ in pipeline.sinks], planner.learnt


class _Planner:
    """Adds node after node, each over the schemas of those before it."""

    def __init__(self, source: Source, schema: pa.Schema, learnt: dict[int, Task]) -> None:
        self.source = source
        self.schema = schema
        self.learnt = dict(learnt)  # by node number: a task looks at a sample once
        self.nodes: list[Bound] = []

    def add(self, node: Node, inputs: tuple[int, ...]) -> int:
        """Resolve one node; gives its number (of the last, where a list of fields makes
        several)."""
        if node.kind == "task" and isinstance(node.field, tuple):
            return self._each(node, inputs)
        make = {
            "read": self._read,
            "task": self._task,
            "select": self._select,
            "union": self._union,
            "join": self._join,
        }[node.kind]
        number = len(self.nodes)
        label = node.label
        taken = {bound.label for bound in self.nodes}
        if label in taken:
            label = next(f"{label}_{i}" for i in range(2, 10_000) if f"{label}_{i}" not in taken)
        self.nodes.append(make(replace(node, label=label), number, inputs))
        return number

    def _each(self, node: Node, inputs: tuple[int, ...]) -> int:
        assert isinstance(node.field, tuple)
        for name in node.field:
            as_ = node.as_ if isinstance(node.as_, str) else "{field}_{output}"
            one = replace(node, field=name, as_=as_, label=f"{node.label}({name})")
            inputs = (self.add(one, inputs),)
        return inputs[0]

    def _read(self, node: Node, number: int, inputs: tuple[int, ...]) -> Bound:
        return Bound(number, "read", "read", (), self.schema)

    def _select(self, node: Node, number: int, inputs: tuple[int, ...]) -> Bound:
        schema = self.nodes[inputs[0]].schema
        for name in node.columns:
            _field(schema, name, "select")
        chosen = pa.schema([schema.field(name) for name in node.columns])
        about = {"select": list(node.columns)}
        return Bound(
            number, "select", node.label, inputs, chosen, columns=node.columns, identity=about
        )

    def _union(self, node: Node, number: int, inputs: tuple[int, ...]) -> Bound:
        left, right = (self.nodes[i].schema for i in inputs)
        for column in right:
            if column.name in left.names and left.field(column.name).type != column.type:
                raise PipelineError(
                    f"Column `{column.name}` is {left.field(column.name).type} in one branch "
                    f"of a union and {column.type} in the other",
                    hint="rename one with as_=",
                )
        merged = [*left, *(c for c in right if c.name not in left.names)]
        return Bound(
            number, "union", node.label, inputs, pa.schema(merged), identity={"union": list(inputs)}
        )

    def _join(self, node: Node, number: int, inputs: tuple[int, ...]) -> Bound:
        left, right = (self.nodes[i].schema for i in inputs)
        merged = [*left, *(c for c in right if c.name not in left.names)]
        about = {"join": list(inputs), "how": node.how}
        return Bound(
            number, "join", node.label, inputs, pa.schema(merged), how=node.how, identity=about
        )

    def _task(self, node: Node, number: int, inputs: tuple[int, ...]) -> Bound:
        assert node.task is not None
        schema = self.nodes[inputs[0]].schema
        given, ports = _split(node.task, node.given)
        if number not in self.learnt:
            task = node.task.bound(**given).lift()
            node = _over_one_column(node, task.spec(), ports, schema)
            self.learnt[number] = self._learn(task, node, ports, inputs[0])
        task = self.learnt[number]
        spec = task.spec()
        node = _over_one_column(node, spec, ports, schema)
        bindings = _bind(node, spec, ports, schema)
        _check_types(node.label, spec, bindings, schema)
        _check_key(node, spec, schema)
        outputs = _rename(node, spec, bindings)
        result = _result(schema, spec, bindings, outputs)
        place: Place = "anywhere"
        if spec.scope != "record":
            place = "group" if spec.scope == "key" and node.key else "one"
        key = node.key if spec.scope == "key" else ()
        about = _about(node, task, bindings, outputs)
        return Bound(
            number,
            "task",
            node.label,
            inputs,
            result,
            task,
            spec,
            bindings,
            key,
            place,
            outputs,
            identity=about,
        )

    def _learn(self, task: Task, node: Node, ports: Mapping[str, str], before: int) -> Task:
        """Show the task the first block, where it sits right behind the source or its chain is
        stateless."""
        if type(task).learn is Task.learn:
            return task
        sample = self._sample(before)
        named = {column: port for port, column in ports.items()}
        if (first := first_port(task.spec().reads)) and isinstance(node.field, str):
            named[node.field] = first
        return task.learn(sample.rename_columns([named.get(n, n) for n in sample.schema.names]))

    def _sample(self, before: int) -> pa.RecordBatch:
        from raymill.flow.registry import locate

        return locate("raymill.engines.alone:sample")(self.source, tuple(self.nodes), before)  # type: ignore[no-any-return]


def _split(task: Configured, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Tell parameters from ports: a name that is no parameter is a port."""
    parameters = {p.name for p in task.declared.parameters}
    ports = {n: v for n, v in given.items() if n not in parameters}
    if not task.declared.is_columns and not task.declared.signature.record:
        known = list(task.declared.signature.ports)
        for name in ports:
            if name not in known:
                raise PipelineError(
                    f"Task `{task.name}` has no input and no parameter `{name}`",
                    hint=near(name, [*known, *parameters])
                    or f"inputs: {', '.join(known)}; "
                    f"parameters: {', '.join(sorted(parameters)) or 'none'}",
                )
    return {n: v for n, v in given.items() if n in parameters}, ports


def _bind(node: Node, spec: Spec, ports: Mapping[str, str], schema: pa.Schema) -> dict[str, str]:
    bindings: dict[str, str] = {}
    given = dict(ports)
    if isinstance(node.field, str):
        first = first_port(spec.reads)
        if first is None:
            raise PipelineError(f"Task `{node.label}` reads no field, so it takes no --field")
        given.setdefault(first, node.field)
    for name in given:
        if name not in spec.reads:
            raise PipelineError(
                f"Task `{node.label}` has no input and no parameter `{name}`",
                hint=near(name, spec.reads) or f"inputs: {', '.join(spec.reads) or 'none'}",
            )
    for port, wanted in spec.reads.items():
        column = given.get(port, port)
        if column in schema.names:
            bindings[port] = column
        elif not wanted.optional or port in given:
            _field(schema, column, f"task `{node.label}`", asked=port in given)
    return bindings


def _over_one_column(node: Node, spec: Spec, ports: Mapping[str, str], schema: pa.Schema) -> Node:
    """Bind the first input to the only column that there is (lines have one), unless told."""
    first = first_port(spec.reads)
    assert node.task is not None
    declared = node.task.declared
    whole = not declared.is_columns and declared.signature.record
    if first is None or whole or spec.reads[first].optional or node.field is not None:
        return node
    free = first not in ports and first not in schema.names
    return replace(node, field=schema.names[0]) if free and len(schema.names) == 1 else node


def _field(schema: pa.Schema, name: str, where: str, *, asked: bool = True) -> None:
    if name in schema.names:
        return
    fields = ", ".join(schema.names)
    guess = near(name, schema.names)
    said = "" if asked else ", which is read where no other is named"
    tail = f"fields: {fields}" if asked else f"name one with --field; fields: {fields}"
    hint = f"{guess} {tail}" if guess else tail
    raise PipelineError(f"No field `{name}` for {where}{said}", hint=hint)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)


def _is_number(kind: pa.DataType) -> bool:
    return any(
        check(kind)
        for check in (
            pa.types.is_integer,
            pa.types.is_floating,
            pa.types.is_boolean,
            pa.types.is_decimal,
        )
    )


def _fits(port: Port, kind: pa.DataType) -> bool:
    plain = _is_text(kind) or _is_number(kind)
    if port.kind is Kind.ANY:
        return True
    return plain or (pa.types.is_temporal(kind) and port.kind is not Kind.NUMBER)


def _check_types(label: str, spec: Spec, bindings: Mapping[str, str], schema: pa.Schema) -> None:
    for port, column in bindings.items():
        kind = schema.field(column).type
        if not _fits(spec.reads[port], kind):
            raise PipelineError(
                f"Field `{column}` of type {kind} cannot be read as {spec.reads[port].kind.value} "
                f"by task `{label}`",
                hint=f"bind input `{port}` to another field",
            )


def _check_key(node: Node, spec: Spec, schema: pa.Schema) -> None:
    for name in node.key:
        _field(schema, name, f"the key of task `{node.label}`")
        kind = schema.field(name).type
        if not (_is_text(kind) or _is_number(kind) or pa.types.is_temporal(kind)):
            raise PipelineError(f"Field `{name}` of type {kind} cannot be a key")
    if node.key and spec.scope == "all":
        raise PipelineError(
            f"Task `{node.label}` keeps one state for all records, so a key has no meaning for it",
            hint="leave the key out",
        )


def _rename(node: Node, spec: Spec, bindings: Mapping[str, str]) -> dict[str, str]:
    """What each added column is called in the output."""
    names = {name: name for name in spec.adds.names}
    first = first_port(spec.reads)
    bound = bindings.get(first, "") if first else ""
    declared = node.task.declared if node.task else None
    if declared is not None and declared.options.replaces and bound and names:
        names[next(iter(names))] = bound
    if isinstance(node.as_, str) and names:
        main = (
            declared.options.output
            if declared and declared.options.output in names
            else next(iter(names))
        )
        names[main] = node.as_.format(field=bound, output=main)
        if "{field}" in node.as_:
            names |= {n: f"{bound}_{n}" for n in names if n != main}
    elif isinstance(node.as_, Mapping):
        for name in node.as_:
            if name not in names:
                raise PipelineError(
                    f"Task `{node.label}` adds no column `{name}` to rename",
                    hint=near(name, names) or f"it adds: {', '.join(names) or 'nothing'}",
                )
        names.update(node.as_)
    if len(set(names.values())) < len(names):
        raise PipelineError(
            f"Task `{node.label}` adds two columns of one name", hint="rename one with as_="
        )
    return names


def _result(
    schema: pa.Schema, spec: Spec, bindings: Mapping[str, str], outputs: Mapping[str, str]
) -> pa.Schema:
    """The output's columns: the input's in their places, replaced ones retyped, added ones
    behind."""
    added = {outputs[c.name]: c.with_name(outputs[c.name]) for c in spec.adds}
    dropped = {bindings[port] for port in spec.drops if port in bindings} - set(added)
    kept = [added.pop(c.name, c) for c in schema if c.name not in dropped]
    return pa.schema([*kept, *added.values()])


def _about(
    node: Node, task: Task, bindings: Mapping[str, str], outputs: Mapping[str, str]
) -> dict[str, Any]:
    values = getattr(task, "values", None)
    if values is None:
        values = {k: v for k, v in vars(task).items() if not k.startswith("_")}
    known = {p.name for p in node.task.declared.parameters} if node.task else set()
    return {
        "task": node.task.name if node.task else "",
        "parameters": json.loads(
            json.dumps({k: values[k] for k in values if k in known}, default=str)
        ),
        "fields": dict(bindings),
        "key": list(node.key),
        "outputs": dict(outputs),
    }


def _reads(node: Bound) -> set[str]:
    return set(node.ports.values()) | set(node.key)


def _wanted(nodes: Sequence[Bound], ends: Sequence[int], quiet: frozenset[str]) -> frozenset[str]:
    """Which columns of the source anything needs: liveness, from the sinks backwards."""
    live: dict[int, set[str]] = {node.number: set() for node in nodes}
    named = {column for node in nodes for column in _reads(node) | set(node.columns)}
    for end in ends:
        live[end] |= set(nodes[end].schema.names)
    for node in reversed(nodes):
        out = live[node.number]
        if node.kind == "select":
            out = set(node.columns)
        elif node.kind == "task":
            out = out | _reads(node)  # also what is written over: it keeps its place
        for before in node.inputs:
            live[before] |= out & set(nodes[before].schema.names)
    wanted = live[0] - (quiet - named)
    return frozenset(wanted or nodes[0].schema.names[:1])  # one at least, which tells the rows
