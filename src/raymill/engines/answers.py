"""What a worker does with a batch, and how its answers travel: each by itself, so that one that
cannot does not take others with it."""

import pickle
import time
import traceback
from collections.abc import Sequence
from typing import Any, NamedTuple

from raymill.errors import EngineError
from raymill.flow.batches import Answer, function_at

TRACE = 4000  # characters of a traceback that are kept


class Sent(NamedTuple):
    """An answer on its way: a pickle, and what is said of an error whose pickle nobody can read."""

    is_error: bool
    body: bytes | None
    text: str = ""


def answer(place: str, items: Sequence[Any], *held: Any) -> tuple[list[Sent], float]:
    """Call the function at a place with each item, and say how long it took."""
    begun = time.perf_counter()
    try:
        function = function_at(place)
    except BaseException as error:
        return [failed(error)] * len(items), 0.0
    sent = []
    for item in items:
        try:
            sent.append(Sent(False, pickle.dumps(function(*held, item), protocol=5)))
        except BaseException as error:  # also one that would end the worker
            sent.append(failed(error))
    return sent, time.perf_counter() - begun


def failed(error: BaseException) -> Sent:
    """An error as it travels: as itself where that is possible, with where it was raised."""
    text = "".join(traceback.format_exception(error))[-TRACE:]
    try:
        error.add_note(f"It was raised in a worker:\n{text}")
        body = pickle.dumps(error, protocol=5)
        travels = type(pickle.loads(body)) is type(error)
    except Exception:  # whatever its class makes of it
        body, travels = b"", False
    return Sent(True, body if travels else None, f"{type(error).__name__}: {_said(error)}")


def received(sent: Sequence[Sent]) -> tuple[Answer, ...]:
    """Answers that arrived."""
    return tuple(_received(Sent(*one)) for one in sent)


def _received(sent: Sent) -> Answer:
    found: Any = None
    try:
        found = pickle.loads(sent.body) if sent.body is not None else None
    except Exception as error:  # its class is not here, or is another one
        text = sent.text or f"an answer cannot be read: {error}"
        return Answer(error=EngineError(f"A worker failed: {text}"))
    if not sent.is_error:
        return Answer(found)
    if not isinstance(found, BaseException):
        found = EngineError(f"A worker failed: {sent.text}")
    return Answer(error=found)


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as other:  # an error that cannot even say what it is
        return f"its text cannot be made: {type(other).__name__}"
