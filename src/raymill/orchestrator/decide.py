"""What comes next in a run. Nothing here has an effect: each function answers with a decision."""

from collections.abc import Iterator
from typing import Any

from raymill import json
from raymill.errors import StoreError, WorkflowError
from raymill.flow.pool import FAILED, OUT_OF_MEMORY, Key, Result
from raymill.flow.workflow import Question, Step, Workflow
from raymill.orchestrator.live import GOING, ONE, Child, Decision, Live, whole
from raymill.state.store import OPEN, EventRow, RunRow, StepRow

HEALTHY_S = 60.0  # an endless step that went on for so long did not fail at its start


class CodeChanged(WorkflowError):
    """A run was started with other code than there is now."""


def begin(live: Live, now: float) -> Decision:
    """The first steps of a run, or those that it can go on with."""
    made = Decision(run=live.row)
    if live.row.deadline is not None:
        made.timers.append((live.row.deadline, Key(live.row.id, "", ONE, 0)))
    _advance(live, made, now, [one.name for one in live.flow.steps])
    return made


def ended(live: Live, result: Result, now: float, chance: float) -> Decision:
    """What the end of an attempt means; `chance` in [0, 1) draws the wait before the next one."""
    row = live.steps.get((result.key.step, result.key.item))
    late = row is None or row.status not in GOING or row.attempt != result.key.attempt
    if row is None or late or live.row.status not in OPEN:
        return Decision(events=[_event(live, result.key, now, "fenced", result.outcome)])
    if result.outcome == "unstarted":
        # A new number all the same: whoever is wrong about it comes late, and not twice.
        again = row._replace(attempt=row.attempt + 1)
        return Decision(steps=[again], ready=[_key(again)])
    if result.outcome == "done":
        return _done(live, row, result, now)
    return _failed(live, row, result, now, chance)


def saved(live: Live, key: Key, progress: bytes) -> Decision | None:
    """Progress in mid-step; None if the attempt is over."""
    row = live.steps.get((key.step, key.item))
    is_over = row is None or row.status not in GOING or row.attempt != key.attempt
    if row is None or is_over or live.row.status not in OPEN:
        return None
    return Decision(steps=[row._replace(progress=progress)])


def recovered(live: Live, now: float) -> Decision:
    """What a new orchestrator does with a run that another one left."""
    made = Decision()
    for row in live.going():
        one, key = live.step(row.step), _key(row)
        if one.is_child:
            continue
        if row.status == "asked":
            made.timers += _patience(live, [row])
            continue
        if row.status == "waiting" and row.due > now:
            most = now + one.retry.most_s  # whatever the clock was when it was written
            made.timers.append((min(row.due, most), key))
            continue
        # It may have waited in a queue, so this alone never ends a run.
        made.events.append(_event(live, key, now, "lost", "its orchestrator ended"))
        again = row._replace(
            losses=row.losses + 1, attempt=row.attempt + 1, status="begun", due=now
        )
        made.steps.append(again)
        made.ready.append(_key(again))
    if made.run is None:
        more = begin(live.with_rows(made.steps), now)
        more.run = more.run if more.run is not live.row else None
        _merge(made, more)
    return made


def requested(live: Live, kind: str, now: float) -> Decision:
    """What a request means: cancel, pause, resume or retry."""
    row, made = live.row, Decision()
    made.events.append(_event(live, Key(row.id, "", ONE, 0), now, kind, row.status))
    if kind == "cancel" and row.status in OPEN:
        return _close(live, made, now, "cancelled", _error("Cancelled", "the run was cancelled"))
    if kind == "pause" and row.status == "running":
        made.run = row._replace(status="paused")
        made.also = [(child, kind) for child in _children(live)]
    elif kind == "resume" and row.status == "paused":
        made.run = row._replace(status="running")
        made.ready = list(live.held)
        made.also = [(child, kind) for child in _children(live)]
    elif kind == "retry" and row.status in ("failed", "cancelled"):
        return _again(live, made, now)
    else:
        made.events = []
    return made


def answered(live: Live, step: str, item: int, value: Any, now: float) -> Decision:
    """What a person's answer means; it changes nothing where no question waits for it."""
    row = live.steps.get((step, item))
    key = Key(live.row.id, step, item, row.attempt if row else 0)
    asked = live.step(step).run if step in live.flow.by_name else None
    if row is None or row.status != "asked" or not isinstance(asked, Question):
        return Decision(events=[_event(live, key, now, "unasked", "no question waits for it")])
    if live.row.status not in OPEN or not asked.takes(value):
        return Decision(events=[_event(live, key, now, "refused", "it is none of the choices")])
    result = Result(key, "done", json.dumps(value), seconds=max(0.0, now - row.due))
    made = _done(live, row, result, now)
    made.events.append(_event(live, key, now, "answered", ""))
    return made


def unanswered(live: Live, row: StepRow, now: float) -> Decision:
    """Nobody answered in time."""
    made = Decision()
    if row.status == "asked" and live.row.status in OPEN:
        waited = live.step(row.step).timeout_s
        _bury(live, made, row, _error("Timeout", f"nobody answered within {waited} s"), now)
    return made


def due(live: Live, row: StepRow) -> Decision:
    """The wait before an attempt is over: that it begins is written before it does."""
    if row.status != "waiting" or live.row.status not in OPEN:
        return Decision()
    return Decision(steps=[row._replace(status="begun")], ready=[_key(row)])


def given_up(live: Live, error: bytes, now: float) -> Decision:
    """A run that cannot go on is over, with all that it began; its code may be another by now."""
    if live.row.status not in OPEN:
        return Decision()
    going = live.going()
    return Decision(
        run=live.row._replace(status="failed", ended=now, error=error),
        steps=[row._replace(status="cancelled", ended=now) for row in going],
        stop=[_key(row) for row in going if row.status == "begun"],
        also=[(child_id(row.run, row), "cancel") for row in going],  # where there is one
    )


def same_code(row: RunRow, flow: Workflow) -> Workflow:
    """The workflow, if the run was started with it. Raises CodeChanged."""
    if row.version != flow.version:
        raise CodeChanged(
            f"workflow `{flow.name}` is of version {flow.version}, the run was started with "
            f"{row.version}",
            hint=f"raymill workflows retry {row.id} goes on with the code as it is now",
        )
    return flow


def told(error: Exception) -> bytes:
    """An error as a run keeps it."""
    return _error(type(error).__name__, str(error), getattr(error, "hint", None))


def broken(live: Live, error: Exception, now: float) -> Decision:
    """A run about which nothing can be decided is over."""
    about = _error(type(error).__name__, f"the run cannot go on: {error}")
    return given_up(live, about, now)


def refused(live: Live, kind: str, error: Exception, now: float) -> Decision:
    """A request that nothing can be done about, since the code of the run cannot be loaded."""
    key = Key(live.row.id, "", ONE, 0)
    return Decision(events=[_event(live, key, now, "refused", f"{kind}: {error}")])


def overdue(live: Live, now: float) -> Decision:
    """The time of a run is over."""
    if live.row.status not in OPEN:
        return Decision()
    taken = f"the run took longer than {live.flow.timeout_s} s"
    return _close(live, Decision(), now, "failed", _error("Timeout", taken))


def _done(live: Live, row: StepRow, result: Result, now: float) -> Decision:
    done = row._replace(
        status="done",
        ended=now,
        seconds=result.seconds,
        output=result.output,
        error=None,
        progress=None,
        worker=result.worker,
    )
    made = Decision(steps=[done])
    _go_on(live, made, row, now)
    return made


def _failed(live: Live, row: StepRow, result: Result, now: float, chance: float) -> Decision:
    one = live.step(row.step)
    # A step that says itself that it was cancelled, and was not, is tried again as if it was lost.
    retry, lost = one.retry, result.outcome in ("lost", "cancelled")
    if one.endless and result.seconds > HEALTHY_S:
        row = row._replace(failures=0, losses=0)
    failures, losses = row.failures + (not lost), row.losses + lost
    hopeless = _is_of_memory(row.error) and _is_of_memory(result.error)  # twice in a row
    row = row._replace(
        failures=failures,
        losses=losses,
        ended=now,
        seconds=result.seconds,
        error=result.error,
        worker=result.worker,
    )
    detail = _message(result.error)
    made = Decision(events=[_event(live, result.key, now, result.outcome, detail)])
    may = result.retry and (result.outcome != "timeout" or issubclass(TimeoutError, retry.on))
    again = losses < retry.losses if lost else may and failures < retry.attempts
    if (not again or hopeless) and not one.endless:
        kind = result.outcome
        _bury(live, made, row, result.error or _error(kind, kind), now)
        return made
    due = now + max(chance * retry.limit_s(losses if lost else failures), _asked_s(result.error))
    row = row._replace(status="waiting", attempt=row.attempt + 1, due=due)
    made.steps.append(row)
    made.timers.append((due, _key(row)))
    return made


def _bury(live: Live, made: Decision, row: StepRow, error: bytes, now: float) -> None:
    """A step is dead: its run fails, unless the step may fail."""
    dead = row._replace(status="dead", ended=now, error=error)
    made.steps.append(dead)
    if row.item == ONE or not live.step(row.step).allow_failed:
        about = json.loads(error)
        item = {} if row.item == ONE else {"item": row.item}
        _close(live, made, now, "failed", json.dumps({**about, "step": row.step, **item}))
        return
    _go_on(live, made, row, now)


def _go_on(live: Live, made: Decision, row: StepRow, now: float) -> None:
    """Begin what waited for a step, if this was the last of its items."""
    if live.left(row.step) == 1:
        after = live.with_rows(made.steps)
        _advance(after, made, now, live.flow.takers[row.step])


def _close(live: Live, made: Decision, now: float, status: str, error: bytes | None) -> Decision:
    """End a run before its time; what is under way is stopped."""
    here = {(row.step, row.item) for row in live.going()}
    for row in live.with_rows(made.steps).going():
        made.steps.append(row._replace(status="cancelled", ended=now))
        one = live.flow.by_name.get(row.step)  # None where the code has changed
        if (row.step, row.item) not in here or one is None:
            continue  # it was to begin with this decision
        if one.is_child:
            made.also.append((child_id(row.run, row), "cancel"))
        elif row.status == "begun":
            made.stop.append(_key(row))
    made.run = live.row._replace(status=status, ended=now, error=error)
    made.ready, made.children = [], []
    return made


def _advance(live: Live, made: Decision, now: float, names: Any) -> None:
    """Begin the steps that can begin; close the run behind the last one."""
    try:
        todo = list(names)
        begun: set[str] = set()
        while todo:
            name = todo.pop(0)
            if name in begun or live.has_begun(name):
                continue
            if live.is_complete(name):  # there is nothing to go over
                todo += live.flow.takers[name]
            elif live.can_begin(name):
                live = _begin(live, made, now, name)
                begun.add(name)
                if live.is_complete(name):  # each item failed in the step before
                    todo += live.flow.takers[name]
                    begun.remove(name)
        # From the end on: as long as the run goes on, that is where something is missing.
        if not begun and all(live.is_complete(one.name) for one in reversed(live.flow.steps)):
            made.run = live.row._replace(status="completed", ended=now, output=live.output())
    except (ValueError, StoreError) as error:
        _close(live, made, now, "failed", _error(type(error).__name__, str(error)))


def _begin(live: Live, made: Decision, now: float, name: str) -> Live:
    """Begin a step; gives the run with the items of a fan-out."""
    one = live.step(name)
    rows = list(_first_rows(live, one, now))
    made.steps += rows
    if one.is_question:
        made.timers += _patience(live, rows)
    if one.each is not None:
        live = live.with_rows(rows)
    _send(live, made, rows)
    return live


def _first_rows(live: Live, one: Step, now: float) -> Iterator[StepRow]:
    """The rows of a step that begins, but for what an earlier try of the run has done of it."""
    status = "asked" if one.is_question else "begun"
    row = StepRow(live.row.id, one.name, ONE, status, 1, 0, 0, now, *(None,) * 5)
    if one.each is None:
        yield from _anew(live, row)
        return
    for number, item in enumerate(live.items(one.each)):
        if item[:1] == FAILED:
            dead = row._replace(item=number, status="dead", ended=now, error=item[1:])
            yield from _anew(live, dead)
        else:
            yield from _anew(live, row._replace(item=number))


def _anew(live: Live, row: StepRow) -> Iterator[StepRow]:
    """The row, with the next number and the progress of an earlier try; nothing if that is over."""
    was = live.steps.get((row.step, row.item))
    if was is None:
        yield row
    elif was.status != "done" and not _is_passed(live, was):
        yield row._replace(attempt=was.attempt + 1, progress=was.progress)


def _send(live: Live, made: Decision, rows: list[StepRow]) -> None:
    for row in rows:
        if row.status != "begun":
            continue
        one = live.step(row.step)
        if not one.is_child:
            made.ready.append(_key(row))
            continue
        given = live.arguments(row.step, row.item)
        value = whole(given[0], live.fetch) if given else b"null"
        place = f"{live.row.place}#{row.step}"
        assert isinstance(one.run, Workflow)
        made.children.append(Child(child_id(row.run, row), one.run, place, value, _key(row)))


def _again(live: Live, made: Decision, now: float) -> Decision:
    """Take up a run that failed or was cancelled, with the code as it is now."""
    deadline = None if live.flow.timeout_s is None else now + live.flow.timeout_s
    run = live.row._replace(
        status="running", ended=None, error=None, version=live.flow.version, deadline=deadline
    )
    made.run = run
    fresh = live.with_rows((), run)
    try:
        for one in live.flow.steps:
            if fresh.has_rows(one.name):
                begins = _first_rows if fresh.can_begin(one.name) else _put_off
                rows = list(begins(fresh, one, now))
                made.steps += rows
                fresh = fresh.with_rows(rows)
        made.timers += _patience(fresh, made.steps)
        _send(fresh, made, made.steps)
    except (ValueError, StoreError) as error:
        return _close(live, made, now, "failed", _error(type(error).__name__, str(error)))
    _merge(made, begin(fresh, now))
    return made


def _put_off(live: Live, one: Step, now: float) -> Iterator[StepRow]:
    """What failed of a step that has to wait now: it is to begin anew, and counts as undone."""
    for (name, _), row in live.steps.items():
        if name == one.name and row.status == "dead" and not _is_passed(live, row):
            yield row._replace(status="cancelled", ended=now)


def _is_passed(live: Live, row: StepRow) -> bool:
    """Whether an item failed for good and was allowed to, and its list has been used since."""
    may_fail = row.status == "dead" and live.step(row.step).allow_failed
    return may_fail and any(live.has_rows(name) for name in live.flow.takers[row.step])


def _patience(live: Live, rows: list[StepRow]) -> Iterator[tuple[float, Key]]:
    """The timers of questions that are not waited for without end."""
    for row in rows:
        timeout_s = live.step(row.step).timeout_s
        if row.status == "asked" and timeout_s is not None:
            yield row.due + timeout_s, _key(row)


def _merge(made: Decision, more: Decision) -> None:
    made.run = more.run or made.run
    made.steps += more.steps
    made.events += more.events
    made.ready += more.ready
    made.timers += more.timers
    made.stop += more.stop
    made.children += more.children
    made.also += more.also


def _children(live: Live) -> list[str]:
    return [child_id(row.run, row) for row in live.going() if live.step(row.step).is_child]


def child_id(run: str, row: StepRow) -> str:
    """The id of the run that is started for a step."""
    return f"{run}.{row.step}" + ("" if row.item == ONE else f".{row.item}")


def _key(row: StepRow) -> Key:
    return Key(row.run, row.step, row.item, row.attempt)


def _event(live: Live, key: Key, now: float, kind: str, detail: str) -> EventRow:
    return EventRow(live.row.id, now, kind, key.step, key.item, key.attempt, detail)


def _error(kind: str, message: str, hint: str | None = None) -> bytes:
    return json.dumps({"type": kind, "message": message, **({"hint": hint} if hint else {})})


def _is_of_memory(error: bytes | None) -> bool:
    return error is not None and json.loads(error).get("type") == OUT_OF_MEMORY


def _asked_s(error: bytes | None) -> float:
    """How long an error says that it is of no use to try again; it is never shortened."""
    return float(json.loads(error).get("wait_s") or 0.0) if error else 0.0


def _message(error: bytes | None) -> str:
    about = json.loads(error) if error else {}
    return f"{about.get('type')}: {about.get('message')}" if about else ""
