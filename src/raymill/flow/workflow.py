"""Workflows: named steps on plain functions, run durably, each result recorded once."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

from raymill.errors import WorkflowError, unknown
from raymill.flow.pool import StepContext, StepFailed
from raymill.flow.version import version_of

INPUT = "input"
"""The name under which a step takes what the run was started with."""

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Retry:
    """How often a step is tried, after which errors, and how long it waits in between.

    The wait is drawn between nothing and a limit that grows with each failure (full jitter), so
    that steps that failed together do not come back together.

    >>> Retry(attempts=5, first_s=1, factor=2, most_s=5).limit_s(3)
    4.0
    """

    attempts: int = 3  # in all, the first one included
    on: tuple[type[BaseException], ...] = (Exception,)
    first_s: float = 1.0
    factor: float = 2.0
    most_s: float = 60.0
    losses: int = 10  # attempts whose worker went away; counted apart

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.losses < 1 or min(self.first_s, self.most_s) < 0:
            raise WorkflowError(f"{self} cannot be", hint="attempts and losses are at least 1")

    def limit_s(self, failures: int) -> float:
        """The longest wait after so many failures."""
        return float(min(self.most_s, self.first_s * self.factor ** min(failures - 1, 1000)))


ONCE = Retry(attempts=1)
"""No second attempt after an error."""


@dataclass(frozen=True)
class Limit:
    """How many attempts go on at once, and how many begin in a time, over all runs of a store.

    Steps that name the same limit share it.
    """

    name: str
    at_once: int | None = None
    rate: float | None = None  # so many begin ...
    per_s: float = 1.0  # ... in so many seconds

    def __post_init__(self) -> None:
        for what in (self.at_once, self.rate, self.per_s):
            if what is not None and not what > 0:
                raise WorkflowError(f"{self} lets nothing pass", hint="give numbers above 0")


@dataclass(frozen=True)
class Resources:
    """What an attempt needs of a machine.

    On Ray a worker with these resources is asked for; memory is what Ray reserves, not a limit.
    The local pool notes them and does not act on them.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    memory_bytes: int = 0

    def __post_init__(self) -> None:
        if min(self.cpus, self.gpus, self.memory_bytes) < 0:
            raise WorkflowError(f"{self} cannot be", hint="resources are 0 or more")


@dataclass(frozen=True)
class Question:
    """Stands as a step for what a person is asked; the answer is the step's result.

    No process waits for it, however long it takes: `raymill workflows answer RUN STEP VALUE`.
    choices: the answers that are taken; any JSON value without them.
    """

    text: str
    choices: tuple[str, ...] = ()

    def takes(self, value: Any) -> bool:
        """Whether a value is one of the choices.

        >>> Question("Pay?", ("yes", "no")).takes("maybe")
        False
        """
        return not self.choices or value in self.choices


@dataclass(frozen=True)
class Step:
    """One step: a plain function, a workflow that is run as a child, or a question to a person.

    after: the steps whose results it takes, as its arguments in this order; `"input"` is what the
    run was started with. Without it, the step before.
    each: the step whose list it is run over, item by item; an item is its first argument. The
    results are a list again, in the order of the items.
    timeout_s: the longest that an attempt may take; the step then runs in a process of its own. Of
    a question: how long the answer is waited for.
    resources: what an attempt needs of a machine.
    endless: it runs until it is cancelled or returns; an error or a crash starts it again, however
    often. It takes no place of another step.
    allow_failed: items that fail for good leave a `StepFailed` in the list instead of failing the
    run; a step that goes over that list passes over them.
    """

    run: "Callable[..., Any] | Workflow | Question"
    name: str = ""
    after: tuple[str, ...] | None = None
    each: str | None = None
    retry: Retry = ONCE
    timeout_s: float | None = None
    limit: Limit | None = None
    allow_failed: bool = False
    resources: Resources = Resources()
    endless: bool = False

    def __post_init__(self) -> None:
        if self.timeout_s is not None and not self.timeout_s > 0:
            raise WorkflowError(f"Step `{self.name}` cannot take {self.timeout_s} s")
        if self.endless and self.timeout_s is not None:
            raise WorkflowError(
                f"Step `{self.name}` is endless and has a timeout", hint="leave one of them out"
            )

    @property
    def is_child(self) -> bool:
        """Whether it is a workflow."""
        return isinstance(self.run, Workflow)

    @property
    def is_question(self) -> bool:
        """Whether it waits for a person."""
        return isinstance(self.run, Question)

    @cached_property
    def takes_context(self) -> bool:
        """Whether the function has a parameter `ctx`."""
        return "ctx" in self._parameters

    @cached_property
    def takes_nothing(self) -> bool:
        """Whether the function has no parameter but `ctx`: it then follows the step before, and
        gets nothing of it."""
        return set(self._parameters) <= {"ctx"}

    @cached_property
    def _parameters(self) -> Mapping[str, inspect.Parameter]:
        assert not isinstance(self.run, Workflow | Question)
        try:
            return inspect.signature(self.run).parameters
        except ValueError:  # some built-in functions do not say what they take
            return {"value": inspect.Parameter("value", inspect.Parameter.POSITIONAL_ONLY)}


def step(**options: Any) -> Callable[[F], F]:
    """Note on a function how it runs as a step; the function itself stays as it is.

    >>> @step(retry=Retry(attempts=5), timeout_s=30)
    ... def fetch(name: str) -> str:
    ...     return name.upper()
    >>> fetch("a")
    'A'
    """
    wrong = set(options) - set(Step.__dataclass_fields__)
    if wrong:
        raise unknown("option of a step:", wrong.pop(), Step.__dataclass_fields__)

    def note(function: F) -> F:
        function.step_options = options  # type: ignore[attr-defined]
        return function

    return note


class Workflow:
    """Named steps in the order in which they are listed; the last one's result is the run's.

    steps: functions, `Step`s, or workflows that run as children.
    timeout_s: the longest that a run may take, waiting included.
    priority: runs with a higher one go first; as a step of another workflow, so much above it.
    version: what a run must agree with to go on; made from the steps' code where it is not given.

    >>> def words(text: str) -> list[str]:
    ...     return text.split()
    >>> def length(word: str) -> int:
    ...     return len(word)
    >>> Workflow("lengths", words, Step(length, each="words"), sum).try_out("to be or")
    6
    """

    def __init__(
        self,
        name: str,
        *steps: "Callable[..., Any] | Step | Workflow",
        timeout_s: float | None = None,
        priority: int = 0,
        version: str | None = None,
    ) -> None:
        self.name, self.timeout_s, self.priority = name, timeout_s, priority
        self.steps: tuple[Step, ...] = tuple(_resolved(name, [_as_step(one) for one in steps]))
        self.by_name: Mapping[str, Step] = {one.name: one for one in self.steps}
        self._version = version

    def __repr__(self) -> str:
        return f"Workflow({self.name!r}: {', '.join(self.by_name)})"

    @cached_property
    def version(self) -> str:
        """What tells this code from another: given, or made from the steps."""
        return self._version or version_of(self.steps)

    @cached_property
    def takers(self) -> Mapping[str, tuple[str, ...]]:
        """For each step, those that take its result."""
        return {
            one.name: tuple(other.name for other in self.steps if one.name in needs(other))
            for one in self.steps
        }

    def try_out(self, value: Any = None, *, answers: Mapping[str, Any] | None = None) -> Any:
        """Run the steps here and now, one after the other, with nothing recorded or retried.

        answers: what a person says to each question, by the name of its step.
        """
        found: dict[str, Any] = {INPUT: value}
        for one in self.steps:
            found[one.name] = _tried(one, found, answers or {})
        return found[self.steps[-1].name]


def needs(one: Step) -> tuple[str, ...]:
    """What a step waits for: the list it goes over, then its other arguments."""
    return (*((one.each,) if one.each else ()), *(one.after or ()))


def _as_step(given: "Callable[..., Any] | Step | Workflow") -> Step:
    one = given if isinstance(given, Step) else Step(given)
    noted = getattr(one.run, "step_options", {})
    usual = Step.__dataclass_fields__
    own = {name for name in usual if getattr(one, name) != usual[name].default}
    one = replace(one, **{name: value for name, value in noted.items() if name not in own})
    if one.name:
        return one
    run = one.run
    if isinstance(run, Question):
        raise WorkflowError(f"{run} has no name", hint="write Step(Question(...), name=...)")
    return replace(one, name=run.name if isinstance(run, Workflow) else run.__name__)


def _resolved(name: str, steps: Sequence[Step]) -> Iterator[Step]:
    """Fill in what each step takes. Raises WorkflowError, UnknownName."""
    if not steps:
        raise WorkflowError(f"Workflow `{name}` has no steps", hint="name at least one function")
    before: list[str] = [INPUT]
    for one in steps:
        if one.name in before:
            raise WorkflowError(
                f"Workflow `{name}` has two steps `{one.name}`",
                hint="give one another name: Step(function, name=...)",
            )
        after = one.after
        if after is None:
            after = () if one.each else (before[-1],)
        for other in (*((one.each,) if one.each else ()), *after):
            if other not in before:
                where = f"step of workflow `{name}` before `{one.name}`:"
                raise unknown(where, other, before, kind=WorkflowError)
        before.append(one.name)
        yield replace(one, after=tuple(after))


def _tried(one: Step, found: Mapping[str, Any], answers: Mapping[str, Any]) -> Any:
    if isinstance(one.run, Question):
        return _answered(one.name, one.run, answers)
    rest = [found[name] for name in one.after or ()]
    if one.each is None:
        return _called(one, rest, StepContext(step=one.name), answers)
    results = []
    for number, item in enumerate(found[one.each]):
        if isinstance(item, StepFailed):
            results.append(item)
            continue
        try:
            ctx = StepContext(step=one.name, item=number)
            results.append(_called(one, [item, *rest], ctx, answers))
        except Exception as error:
            if not one.allow_failed:
                raise
            results.append(StepFailed(type(error).__name__, str(error)))
    return results


def _answered(name: str, question: Question, answers: Mapping[str, Any]) -> Any:
    if name not in answers:
        raise WorkflowError(
            f"Question `{name}` has no answer: {question.text}",
            hint=f"try_out(..., answers={{{name!r}: ...}})",
        )
    if not question.takes(answers[name]):
        raise WorkflowError(
            f"Question `{name}` does not take {answers[name]!r}",
            hint=f"it takes {', '.join(question.choices)}",
        )
    return answers[name]


def _called(one: Step, arguments: list[Any], ctx: StepContext, answers: Mapping[str, Any]) -> Any:
    assert not isinstance(one.run, Question)
    if isinstance(one.run, Workflow):
        return one.run.try_out(*arguments, answers=answers)
    arguments = [] if one.takes_nothing else arguments
    return one.run(*arguments, **({"ctx": ctx} if one.takes_context else {}))
