"""What comes next in a run. Nothing here has an effect: each function answers with a decision."""

from collections.abc import Iterator
from typing import Any

from raymill import json
from raymill.errors import StoreError
from raymill.flow.pool import FAILED, Key, Result
from raymill.flow.workflow import Step, Workflow
from raymill.orchestrator.live import GOING, ONE, Child, Decision, Live, whole
from raymill.state.store import OPEN, EventRow, StepRow


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
    if result.outcome in ("unstarted", "cancelled"):
        return Decision(ready=[result.key])
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
    if live.row.version != live.flow.version:
        return _close(live, made, now, "failed", _changed(live))
    for row in live.going():
        one, key = live.step(row.step), _key(row)
        if one.is_child:
            continue
        if row.status == "waiting" and row.due > now:
            most = now + one.retry.most_s  # whatever the clock was when it was written
            made.timers.append((min(row.due, most), key))
            continue
        made.events.append(_event(live, key, now, "lost", "its orchestrator ended"))
        lost = row._replace(losses=row.losses + 1)
        if lost.losses >= one.retry.losses:
            error = _error("WorkerLost", f"its worker went away {lost.losses} times")
            _bury(live, made, lost, error, now)
            continue
        again = lost._replace(attempt=row.attempt + 1, status="begun", due=now)
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


def overdue(live: Live, now: float) -> Decision:
    """The time of a run is over."""
    if live.row.status not in OPEN:
        return Decision()
    taken = f"the run took longer than {live.flow.timeout_s} s"
    return _close(live, Decision(), now, "failed", _error("Timeout", taken))


def _done(live: Live, row: StepRow, result: Result, now: float) -> Decision:
    done = row._replace(
        status="done", ended=now, seconds=result.seconds, output=result.output, error=None
    )
    made = Decision(steps=[done._replace(progress=None)])
    _go_on(live, made, row, now)
    return made


def _failed(live: Live, row: StepRow, result: Result, now: float, chance: float) -> Decision:
    retry, lost = live.step(row.step).retry, result.outcome == "lost"
    failures, losses = row.failures + (not lost), row.losses + lost
    row = row._replace(failures=failures, losses=losses, seconds=result.seconds, error=result.error)
    detail = _message(result.error)
    kind = "lost" if lost else result.outcome
    made = Decision(events=[_event(live, result.key, now, kind, detail)])
    again = losses < retry.losses if lost else result.retry and failures < retry.attempts
    if not again:
        _bury(live, made, row, result.error or _error(kind, kind), now)
        return made
    due = now + chance * retry.limit_s(losses if lost else failures)
    row = row._replace(status="waiting", attempt=row.attempt + 1, due=due)
    made.steps.append(row)
    made.timers.append((due, _key(row)))
    return made


def _bury(live: Live, made: Decision, row: StepRow, error: bytes, now: float) -> None:
    """A step is dead: its run fails, unless the step may fail."""
    dead = row._replace(status="dead", ended=now, error=error, progress=row.progress)
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
    taken = {(row.step, row.item) for row in made.steps}
    for row in live.going():
        if (row.step, row.item) in taken:
            continue
        made.steps.append(row._replace(status="cancelled", ended=now))
        if live.step(row.step).is_child:
            made.also.append((child_id(row.run, row), "cancel"))
        else:
            made.stop.append(_key(row))
    made.run = live.row._replace(status=status, ended=now, error=error)
    made.ready, made.children = [], []
    return made


def _advance(live: Live, made: Decision, now: float, names: Any) -> None:
    """Begin the steps that can begin; close the run behind the last one."""
    try:
        todo = list(names)
        while todo:
            name = todo.pop(0)
            if live.has_begun(name) or not live.can_begin(name) or live.is_complete(name):
                if live.is_complete(name) and not live.has_begun(name):
                    todo += [n for n in live.flow.takers[name] if not live.has_begun(n)]
                continue
            rows = list(_first_rows(live, live.step(name), now))
            made.steps += rows
            live = live.with_rows(rows)
            if live.is_complete(name):  # each item failed in the step before
                todo += live.flow.takers[name]
            _send(live, made, rows)
        if all(live.is_complete(one.name) for one in live.flow.steps):
            made.run = live.row._replace(status="completed", ended=now, output=live.output())
    except (ValueError, StoreError) as error:
        _close(live, made, now, "failed", _error(type(error).__name__, str(error)))


def _first_rows(live: Live, one: Step, now: float) -> Iterator[StepRow]:
    row = StepRow(live.row.id, one.name, ONE, "begun", 1, 0, 0, now, *(None,) * 5)
    if one.each is None:
        yield row
        return
    for number, item in enumerate(live.items(one.each)):
        if item[:1] == FAILED:
            yield row._replace(item=number, status="dead", ended=now, error=item[1:])
        else:
            yield row._replace(item=number)


def _send(live: Live, made: Decision, rows: list[StepRow]) -> None:
    for row in rows:
        if row.status != "begun":
            continue
        one = live.step(row.step)
        if not isinstance(one.run, Workflow):
            made.ready.append(_key(row))
            continue
        given = live.arguments(row.step, row.item)
        value = whole(given[0], live.fetch) if given else b"null"
        place = f"{live.row.place}#{row.step}"
        made.children.append(Child(child_id(row.run, row), one.run, place, value, _key(row)))


def _again(live: Live, made: Decision, now: float) -> Decision:
    """Take up a run that failed or was cancelled, with the code as it is now."""
    deadline = None if live.flow.timeout_s is None else now + live.flow.timeout_s
    run = live.row._replace(
        status="running", ended=None, error=None, version=live.flow.version, deadline=deadline
    )
    made.run = run
    for row in live.steps.values():
        if row.status == "done" or row.step not in live.flow.by_name:
            continue
        again = row._replace(
            status="begun", attempt=row.attempt + 1, failures=0, losses=0, due=now, ended=None
        )
        made.steps.append(again)
    fresh = live.with_rows(made.steps, run)
    _send(fresh, made, made.steps)
    more = begin(fresh, now)
    _merge(made, more)
    return made


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


def _message(error: bytes | None) -> str:
    about = json.loads(error) if error else {}
    return f"{about.get('type')}: {about.get('message')}" if about else ""


def _changed(live: Live) -> bytes:
    return _error(
        "CodeChanged",
        f"workflow `{live.flow.name}` is of version {live.flow.version}, the run was started with "
        f"{live.row.version}",
        f"raymill workflows retry {live.row.id} goes on with the code as it is now",
    )
