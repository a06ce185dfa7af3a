"""One attempt of a step, on whatever worker: values in, the function, a value out."""

import inspect
import time
import traceback
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from raymill import faults, json, log
from raymill.errors import Cancelled, RaymillError
from raymill.flow.pool import FAILED, LOOK_S, Argument, Call, Key, Result, StepContext, StepFailed
from raymill.flow.workflow import Step
from raymill.state.artifacts import Artifacts
from raymill.state.runlog import RunLog

LOGS = "logs"  # the folder of logs, beside that of artifacts
TRACE = 4000  # characters of a traceback that are kept


def perform(
    call: Call,
    one: Step,
    artifacts: Artifacts,
    save: Callable[[Key, bytes], None],
    check: Callable[[], None],
    worker: str = "",
    make: Callable[..., StepContext] = StepContext,
) -> Result:
    """Run an attempt. Whatever the function raises becomes its result.

    What it logs goes to the log of its run, which lies beside the artifacts.
    make: makes the context of a step that takes one.
    """
    begun = time.perf_counter()
    try:
        arguments = () if one.takes_nothing else call.arguments
        given = [_value(argument, artifacts) for argument in arguments]
        context = {"ctx": _context(call, artifacts, save, check, make)} if one.takes_context else {}
        faults.point("step.begun")
        with log.kept(partial(_note, artifacts.folder.parent / LOGS, call.key, worker)):
            value = one.run(*given, **context)  # type: ignore[operator]
            if inspect.iscoroutine(value):
                value = _awaited(value, check)
        output = artifacts.put(json.dumps(value, strict=True))
        faults.point("step.done")
        return Result(call.key, "done", output, None, False, time.perf_counter() - begun, worker)
    except Cancelled:
        took = time.perf_counter() - begun
        return Result(call.key, "cancelled", seconds=took, worker=worker)
    except BaseException as error:  # also one that would end the worker
        again, took = isinstance(error, one.retry.on), time.perf_counter() - begun
        return Result(call.key, "error", None, _told(error), again, took, worker)


def _awaited(step: Coroutine[Any, Any, Any], check: Callable[[], None]) -> Any:
    """Run an `async` step; it is cancelled where it waits as soon as it is not wanted."""
    import asyncio  # here, as few steps need it and each process would load it

    async def watched() -> Any:
        task = asyncio.ensure_future(step)
        while not task.done():
            await asyncio.wait({task}, timeout=LOOK_S)
            try:
                check()
            except Cancelled:
                task.cancel()
                await asyncio.wait({task})
                raise
        return task.result()

    return asyncio.run(watched())


def _note(
    folder: Path, key: Key, worker: str, level: str, event: str, fields: Mapping[str, Any]
) -> None:
    about = {"step": key.step, "item": key.item, "attempt": key.attempt, "worker": worker}
    line = {"at": time.time(), "level": level, "event": event, **about, **fields}
    RunLog(folder, key.run).write(line)


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
    make: Callable[..., StepContext],
) -> StepContext:
    progress = None if call.progress is None else artifacts.load(call.progress)

    def keep(value: Any) -> None:
        save(call.key, artifacts.put(json.dumps(value, strict=True)))

    return make(*call.key, progress, save=keep, check=check)


def _told(error: BaseException) -> bytes:
    about: dict[str, Any] = {"type": type(error).__name__, "message": _text(error)}
    if isinstance(error, RaymillError):
        about |= {"hint": error.hint} if error.hint else {}
        wait_s = error.details.get("wait_s")
        about |= {"wait_s": wait_s} if isinstance(wait_s, int | float) else {}
    about["trace"] = _clean("".join(traceback.format_exception(error))[-TRACE:])
    return json.dumps(about)


def _text(error: BaseException) -> str:
    try:
        return _clean(str(error))
    except Exception as other:  # an error that cannot even say what it is
        return f"its text cannot be made: {type(other).__name__}"


def _clean(text: str) -> str:
    """Without halves of letters, as they come with names of files: JSON has no form for them."""
    return text.encode("utf-8", "replace").decode()
