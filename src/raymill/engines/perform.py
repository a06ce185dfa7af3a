"""One attempt of a step, on whatever worker: values in, the function, a value out."""

import time
import traceback
from collections.abc import Callable
from typing import Any

from raymill import faults, json
from raymill.errors import Cancelled, RaymillError
from raymill.flow.pool import FAILED, Argument, Call, Key, Result, StepContext, StepFailed
from raymill.flow.workflow import Step
from raymill.state.artifacts import Artifacts

TRACE = 4000  # characters of a traceback that are kept


def perform(
    call: Call,
    one: Step,
    artifacts: Artifacts,
    save: Callable[[Key, bytes], None],
    check: Callable[[], None],
) -> Result:
    """Run an attempt. Whatever the function raises becomes its result."""
    begun = time.perf_counter()
    try:
        given = [_value(argument, artifacts) for argument in call.arguments]
        context = {"ctx": _context(call, artifacts, save, check)} if one.takes_context else {}
        faults.point("step.begun")
        output = artifacts.put(json.dumps(one.run(*given, **context), strict=True))  # type: ignore[operator]
        faults.point("step.done")
        return Result(call.key, "done", output, seconds=time.perf_counter() - begun)
    except Cancelled:
        return Result(call.key, "cancelled", seconds=time.perf_counter() - begun)
    except BaseException as error:  # also one that would end the worker
        again, took = isinstance(error, one.retry.on), time.perf_counter() - begun
        return Result(call.key, "error", None, _told(error), again, took)


def _value(argument: Argument, artifacts: Artifacts) -> Any:
    if isinstance(argument, tuple):
        return [_value(part, artifacts) for part in argument]
    if argument[:1] == FAILED:
        about = json.loads(argument[1:]) or {}
        return StepFailed(about.get("type", ""), about.get("message", ""))
    return artifacts.load(argument)


def _context(
    call: Call,
    artifacts: Artifacts,
    save: Callable[[Key, bytes], None],
    check: Callable[[], None],
) -> StepContext:
    progress = None if call.progress is None else artifacts.load(call.progress)

    def keep(value: Any) -> None:
        save(call.key, artifacts.put(json.dumps(value, strict=True)))

    return StepContext(*call.key, progress, save=keep, check=check)


def _told(error: BaseException) -> bytes:
    about: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, RaymillError) and error.hint:
        about["hint"] = error.hint
    about["trace"] = "".join(traceback.format_exception(error))[-TRACE:]
    return json.dumps(about)
