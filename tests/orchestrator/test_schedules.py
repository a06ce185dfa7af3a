"""When schedules come: cron in time zones, intervals without drift, what of missed times."""

from datetime import datetime

import pytest

from raymill import json
from raymill.errors import ConfigError
from raymill.orchestrator import schedules
from raymill.orchestrator.clock import Clock
from raymill.orchestrator.planned import Planned, to_message
from raymill.state.store import Changes, Message, ScheduleRow


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def schedule(**given: object) -> ScheduleRow:
    usual = ScheduleRow(
        *("s", "w", "w.py:w", b"5", "", 0.0, "UTC", "one", 2, "local", "active"),
        *(at("2026-01-01T00:00:00Z"), 0.0, None),
    )
    made = usual._replace(**given)  # type: ignore[arg-type]
    return made if made.next else made._replace(next=schedules.after(made, made.created))


def texts(times: list[float]) -> list[str]:
    return [schedules.run_id(schedule(every_s=60.0), time).removeprefix("s@") for time in times]


def test_an_interval_does_not_drift_and_starts_when_it_was_made() -> None:
    row = schedule(every_s=90.0)
    assert row.next - row.created == 90.0
    times, row = schedules.due(row, row.created + 100.0)
    assert texts(times) == ["2026-01-01T00:01:30Z"]
    assert row.next - row.created == 180.0


def test_cron_keeps_to_the_clock_of_its_time_zone_over_the_change_of_clocks() -> None:
    row = schedule(cron="30 7 * * *", timezone="Europe/Oslo", created=at("2026-03-28T00:00:00Z"))
    times, row = schedules.due(row._replace(catch_up="all"), at("2026-03-30T12:00:00Z"))
    assert texts(times) == ["2026-03-28T06:30:00Z", "2026-03-29T05:30:00Z", "2026-03-30T05:30:00Z"]
    assert row.next == at("2026-03-31T05:30:00Z")


@pytest.mark.parametrize("rule", [{"cron": "0 * * * *"}, {"every_s": 3600.0}])
@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [
        ("none", []),
        ("one", ["2026-01-01T04:00:00Z"]),
        ("all", [f"2026-01-01T0{hour}:00:00Z" for hour in (1, 2, 3, 4)]),
    ],
)
def test_of_missed_times_none_one_or_all_are_run(
    catch_up: str, expected: list[str], rule: dict[str, object]
) -> None:
    times, row = schedules.due(schedule(catch_up=catch_up, **rule), at("2026-01-01T04:30:00Z"))
    assert texts(times) == expected
    assert row.next == at("2026-01-01T05:00:00Z")


@pytest.mark.parametrize("catch_up", ["none", "one", "all"])
def test_a_time_that_was_not_missed_is_run_whatever_the_rule(catch_up: str) -> None:
    row = schedule(cron="0 * * * *", catch_up=catch_up)
    assert schedules.due(row, at("2026-01-01T00:59:59Z")) == ([], row)
    times, row = schedules.due(row, at("2026-01-01T01:00:00Z"))
    assert texts(times) == ["2026-01-01T01:00:00Z"]
    assert schedules.due(row, at("2026-01-01T01:00:01Z"))[0] == []


def test_many_missed_times_are_caught_up_in_parts() -> None:
    row = schedule(every_s=1.0, catch_up="all")
    first, row = schedules.due(row, row.created + 1500.0)
    rest, row = schedules.due(row, row.created + 1500.0)
    assert (len(first), len(rest)) == (1000, 500)
    assert rest[0] - first[-1] == 1.0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cron": "61 * * * *"}, "is no cron expression: Bad minute"),
        ({"cron": "* * * * *", "every_s": 5.0}, "needs either `cron` or `every`"),
        ({}, "needs either `cron` or `every`"),
        ({"every_s": 0.5}, "cannot run every 0.5 s"),
        ({"every_s": 5.0, "timezone": "Europe/Olso"}, "Unknown time zone `Europe/Olso`"),
        ({"every_s": 5.0, "timezone": "../evil"}, "Unknown time zone `../evil`"),
        ({"every_s": 5.0, "name": "a/b"}, "cannot be named `a/b`"),
        ({"every_s": 5.0, "catch_up": "some"}, "`some` is no way to catch up"),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        schedules.checked(schedule(next=1.0, **given))
    assert message in caught.value.message


class Still(Clock):
    def __init__(self, now: float) -> None:
        super().__init__(1)
        self.time = now

    def now(self) -> float:
        return self.time


def asked(action: str, row: ScheduleRow | None = None) -> Message:
    body: dict[str, object] = {"action": action}
    if row is not None:
        body["row"] = to_message(row)
    return Message(1, "schedule", "s", json.dumps(body), 0.0)


def test_a_paused_schedule_starts_nothing_and_catches_nothing_up_when_it_is_resumed() -> None:
    row = schedule(every_s=60.0)
    clock = Still(row.created + 10.0)
    planned = Planned([], clock)
    assert planned.asked(asked("add", row)) == {"s": row}
    changes = Changes()
    runs = [message.run for message in planned.due(row.created + 60.0, changes)]
    assert runs == ["s@2026-01-01T00:01:00Z"]
    assert planned.asked(asked("pause"))["s"].status == "paused"  # type: ignore[union-attr]
    assert not planned.is_active
    assert list(planned.due(row.created + 600.0, Changes())) == []
    clock.time = row.created + 610.0
    resumed = planned.asked(asked("resume"))["s"]
    assert resumed is not None
    assert (resumed.status, resumed.next) == ("active", row.created + 660.0)
    assert planned.asked(asked("rm")) == {"s": None}
    assert list(planned.due(row.created + 6000.0, Changes())) == []


def test_a_request_that_cannot_be_read_changes_nothing() -> None:
    planned = Planned([schedule(every_s=60.0)], Still(0.0))
    for body in (b"{", b"[]", b"{}", b'{"action":"add","row":[1]}', b'{"action":"hop"}'):
        assert planned.asked(Message(1, "schedule", "s", body, 0.0)) == {}
    assert planned.is_active
