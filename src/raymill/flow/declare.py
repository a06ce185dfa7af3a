"""`@task` declares; it never changes what the function does when it is called."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar, overload

from raymill.errors import ConfigError
from raymill.flow import parameters as params
from raymill.flow.column_task import Port, Scope, Task
from raymill.flow.registry import locate, reference_to
from raymill.flow.signature import Parameter, Signature, read_signature

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Options:
    """What `@task(...)` says beside the signature."""

    compiled: bool = False
    state: Callable[..., Any] | None = None
    skip: str | None = None
    scope: Scope = "key"
    output: str = "value"
    replaces: bool = False
    missing: bool = False
    unfinished: str | None = None
    flush: Callable[..., Any] | None = None
    reads: Sequence[str] | None = None
    adds: Mapping[str, Any] | None = None
    properties: Mapping[str, params.PropertyRule] = field(default_factory=dict)


class Declared(Generic[P, R]):
    """A declared task: call it, and it is the plain function; lift it, and engines can run it."""

    def __init__(self, target: Callable[P, R], name: str, options: Options) -> None:
        update_wrapper(self, target)
        self.fn = target
        self.name = name
        self.options = options
        self._signature: Signature | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.fn(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        reference = reference_to(self)
        if reference is not None:
            return locate, (f"{reference}.declared" if self.is_columns else reference,)
        return Declared, (self.fn, self.name, self.options)

    def __repr__(self) -> str:
        return f"<task {self.name}>"

    @property
    def is_columns(self) -> bool:
        """Whether the author wrote whole columns (a dataclass) instead of a function."""
        return isinstance(self.fn, type)

    @property
    def signature(self) -> Signature:
        """The function's signature, read once."""
        if self._signature is None:
            stateful = self.options.state is not None
            self._signature = read_signature(self.fn, stateful=stateful, output=self.options.output)
        return self._signature

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, with the implicit `flush` of tasks that can answer an open rest."""
        if self.is_columns:
            return params.of_dataclass(self.fn)  # type: ignore[arg-type]
        extra = (Parameter("flush", bool, False),) if self.options.flush else ()
        return self.signature.parameters + extra

    @property
    def description(self) -> str:
        """The docstring of the task."""
        return (self.fn.__doc__ or "").strip()

    def schema(self) -> dict[str, Any]:
        """The JSON schema of the parameters."""
        return params.model(self.name, self.parameters).model_json_schema()  # type: ignore[no-any-return]

    def lift(self, **given: Any) -> Task:
        """Make the object that engines run, with checked parameters. Raises ConfigError."""
        values = params.validate(self.name, self.parameters, given)
        if self.is_columns:
            return self.fn(**values)  # type: ignore[return-value, call-arg]
        if self.options.compiled:
            from raymill.flow.step import Step

            return Step(self, values)
        from raymill.flow.record import RecordTask

        return RecordTask(self, values)

    def bound(self, **given: Any) -> "Configured":
        """Fix some parameters: `kalman_filter.bound(q=0.1)` stands for the task with them."""
        return Configured(self, dict(given))

    def try_out(self, records: Iterable[Mapping[str, Any]], **given: Any) -> list[Any]:
        """Run the task over plain dicts without an engine.

        Gives one entry per answer: a record (dict), or the Skip or Fail of a record that was not
        emitted;
        held records give nothing. `key=` names the key field, `as_=` the output, and a port's name
        its field; everything else is a parameter.
        """
        return locate("raymill.engines.alone:try_out")(self, records, given)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Configured:
    """A declared task with some parameters fixed."""

    declared: Declared[..., Any]
    given: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The task's name."""
        return self.declared.name

    def bound(self, **given: Any) -> "Configured":
        """Fix more parameters."""
        return replace(self, given={**self.given, **given})

    def lift(self, **given: Any) -> Task:
        """Make the object that engines run."""
        return self.declared.lift(**{**self.given, **given})


@overload
def task(target: Callable[P, R], /) -> Declared[P, R]: ...
@overload
def task(
    name: str | None = None,
    /,
    *,
    compiled: bool = False,
    state: Callable[..., Any] | None = None,
    skip: str | None = None,
    scope: Scope = "key",
    output: str = "value",
    replaces: bool = False,
    missing: bool = False,
    unfinished: str | None = None,
    flush: Callable[..., Any] | None = None,
    reads: Sequence[str] | None = None,
    adds: Mapping[str, Any] | None = None,
    properties: Mapping[str, params.PropertyRule] | None = None,
) -> Callable[[Callable[P, R]], Declared[P, R]]: ...
def task(target: Any = None, /, **options: Any) -> Any:
    """Declare a task: a plain function whose signature says what it reads and adds, or a column
    class.

    compiled: run as a compiled loop (numbers only); otherwise each record is a Python call.
    state: makes the state of one key, from those parameters that it names; it is then the first
    argument.
    skip: why a record is skipped when a filter answers False, or None without a state.
    scope: "key" (one state per key) or "all" (one state, runs in one place).
    output: name of the added column. replaces: it takes the place of the field that the first port
    reads.
    missing: None is a null cell, not a held or skipped record.
    unfinished: the state's field that counts the records in a window that is still open.
    flush: answers that rest at the end of input, when the parameter `flush` is set.
    reads, adds: for functions of a whole record, the fields that they see and the types that they
    add.
    properties: what RIoTBench's `.properties` keys mean here.

    >>> @task
    ... def celsius(fahrenheit: float) -> float:
    ...     return (fahrenheit - 32) / 1.8
    >>> celsius(212.0)
    100.0
    """
    if callable(target) and not options:
        return _declare(target, None, Options())
    if not isinstance(target, str | None):
        raise ConfigError(f"`@task` takes a name, not {target!r}")
    cleaned = {k: v for k, v in options.items() if v is not None}
    return lambda function: _declare(function, target, Options(**cleaned))


def _declare(target: Any, name: str | None, options: Options) -> Any:
    declared: Declared[..., Any] = Declared(target, name or target.__name__, options)
    if declared.is_columns:  # a class stays itself, so that its instances pickle
        target.declared = declared
        return target
    return declared


def as_declared(thing: Any) -> Configured:
    """Take a task however it is named: declared, configured, a registered name, or a reference.

    Raises UnknownName with near matches.
    """
    from raymill.flow import registry

    if isinstance(thing, str):
        thing = registry.locate(thing) if ":" in thing else registry.load(registry.TASKS, thing)
    if isinstance(thing, Configured):
        return thing
    if isinstance(declared := getattr(thing, "declared", thing), Declared):
        made = declared.is_columns and not isinstance(thing, type | Declared)
        return Configured(declared, _fields(thing) if made else {})
    if callable(thing) and not isinstance(thing, type):
        return Configured(_declare(thing, None, Options()), {})
    raise ConfigError(
        f"{thing!r} is no task", hint="give a function declared with @task, or a registered name"
    )


def _fields(made: Any) -> dict[str, Any]:
    """The parameters of a column task that was made already."""
    return {parameter.name: getattr(made, parameter.name) for parameter in made.declared.parameters}


def first_port(reads: Mapping[str, Port]) -> str | None:
    """The port that `--field` binds: the first that is needed, else the first."""
    needed = [name for name, port in reads.items() if not port.optional]
    return needed[0] if needed else next(iter(reads), None)
