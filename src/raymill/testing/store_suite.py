"""What must hold for every store of workflow runs; a test class of a backend inherits it."""

from collections.abc import Callable
from typing import Any

from raymill.errors import Fenced
from raymill.state.store import Changes, EventRow, RunRow, ScheduleRow, StateStore, StepRow


def run_row(id: str, **given: Any) -> RunRow:
    """A run as a store keeps it, with some fields as given."""
    usual = RunRow(id, "w", "", "1", "running", 0, b"1", None, None, None, 1.0)
    return usual._replace(**given)


def step_row(run: str, step: str = "a", **given: Any) -> StepRow:
    """A step as a store keeps it, with some fields as given."""
    usual = StepRow(run, step, -1, "ready", 1, 0, 0, 0.0, None, None, None, None, None)
    return usual._replace(**given)


def nobody(owner: str) -> None:
    """No owner's process can be looked at."""
    return


def _is_fenced(commit: Callable[[], None]) -> bool:
    try:
        commit()
    except Fenced:
        return True
    return False


class StoreSuite:
    """Inherit it and give `make(folder)`, which opens the store that lies there."""

    def make(self, folder: Any) -> StateStore:
        """Open the store of a folder; twice gives two doors to the same one."""
        raise NotImplementedError

    def _with_lease(self, folder: Any) -> tuple[StateStore, int]:
        store = self.make(folder)
        lease = store.acquire("one", 5, 100.0, nobody)
        assert lease is not None
        return store, lease.epoch

    def test_what_was_committed_is_there_when_the_store_is_opened_again(
        self, tmp_path: Any
    ) -> None:
        """Rows come back as they were written."""
        store, epoch = self._with_lease(tmp_path)
        run = run_row("r1", input=b'{"a":1}', deadline=9.5, engine="ray")
        step = step_row("r1", output=b"2", worker="w-1")
        event = EventRow("r1", 3.0, "retried", "a", -1, 1, "it broke")
        store.commit(epoch, 101, 5, Changes([run], [step], [event], {"sec": 7.5}, 4))
        store.close()
        again = self.make(tmp_path)
        assert again.run("r1") == run
        assert again.steps("r1") == [step]
        assert again.events("r1") == [event]
        assert (again.limits(), again.taken()) == ({"sec": 7.5}, 4)
        again.close()

    def test_the_later_row_of_a_name_holds(self, tmp_path: Any) -> None:
        """Also within one commit."""
        store, epoch = self._with_lease(tmp_path)
        rows = [step_row("r1"), step_row("r1", status="done"), step_row("r1", item=0)]
        store.commit(epoch, 101, 5, Changes([run_row("r1")], rows))
        assert [(row.item, row.status) for row in store.steps("r1")] == [(-1, "done"), (0, "ready")]
        store.close()

    def test_a_commit_of_an_epoch_that_is_over_writes_nothing(self, tmp_path: Any) -> None:
        """The old holder learns that it lost."""
        store, epoch = self._with_lease(tmp_path)
        other = self.make(tmp_path)
        taken = other.acquire("two", 5, 106.0, nobody)
        assert taken is not None
        assert taken.epoch == epoch + 1
        stale = Changes([run_row("r1")], [step_row("r1")])
        assert _is_fenced(lambda: store.commit(epoch, 107, 5, stale))
        assert store.run("r1") is None
        assert store.steps("r1") == []
        other.commit(taken.epoch, 107, 5, Changes([run_row("r1")]))
        assert store.run("r1") is not None
        store.close()
        other.close()

    def test_schedules_are_replaced_and_taken_away_by_name(self, tmp_path: Any) -> None:
        """Within the commit of a holder of the lease."""
        store, epoch = self._with_lease(tmp_path)
        row = ScheduleRow(
            *("nightly", "w", "w.py:w", b"1", "0 2 * * *", 0.0, "UTC", "one", 3, "ray"),
            *("active", 100.0, 200.5, None),
        )
        other = row._replace(name="hourly", cron="", every_s=3600.0)
        store.commit(epoch, 101, 5, Changes(schedules={"nightly": row, "hourly": other}))
        assert store.schedules() == [other, row]
        later = row._replace(status="paused", next=300.0, last=200.5)
        store.commit(epoch, 102, 5, Changes(schedules={"nightly": later, "hourly": None}))
        assert store.schedules() == [later]
        store.close()

    def test_a_lease_is_one_owner_s_until_it_expires(self, tmp_path: Any) -> None:
        """Commits renew it, and giving it back ends it."""
        store, epoch = self._with_lease(tmp_path)
        other = self.make(tmp_path)
        assert other.acquire("two", 5, 104.9, nobody) is None
        store.commit(epoch, 104.9, 5, Changes())
        assert other.acquire("two", 5, 109.8, nobody) is None
        held = other.holder(109.8, nobody)
        assert held is not None
        assert held.owner == "one"
        store.release(epoch)
        assert other.holder(109.8, nobody) is None
        assert other.acquire("two", 5, 109.8, nobody) is not None
        store.release(epoch)
        assert other.holder(109.8, nobody) is not None
        store.close()
        other.close()

    def test_the_lease_of_a_dead_process_is_free_at_once(self, tmp_path: Any) -> None:
        """Where the process can be looked at."""
        store, _ = self._with_lease(tmp_path)
        assert store.acquire("two", 5, 100.1, lambda owner: True) is None
        assert store.acquire("two", 5, 100.1, lambda owner: False) is not None
        store.close()

    def test_runs_are_listed_newest_first_in_pages(self, tmp_path: Any) -> None:
        """By status and workflow, too."""
        store, epoch = self._with_lease(tmp_path)
        status = ("completed", "failed", "running")
        rows = [run_row(f"r{n}", status=status[n % 3], workflow="wv"[n % 2]) for n in range(9)]
        store.commit(epoch, 101, 5, Changes(rows))

        def listed(**how: Any) -> list[str]:
            return [row.id for row in store.runs(**how)]

        assert listed(most=4) == ["r8", "r7", "r6", "r5"]
        assert listed(most=4, before="r5") == ["r4", "r3", "r2", "r1"]
        assert listed(status="failed") == ["r7", "r4", "r1"]
        assert listed(status="completed", workflow="w") == ["r6", "r0"]
        assert [row.id for row in store.open_runs()] == ["r2", "r5", "r8"]
        store.close()

    def test_messages_come_in_the_order_in_which_they_were_sent(self, tmp_path: Any) -> None:
        """From any process, until they are forgotten; numbers are never used again."""
        store, other = self.make(tmp_path), self.make(tmp_path)
        first = other.send([("submit", "r1", b"{}"), ("cancel", "r1", b"{}")], 1.0)
        last = store.send([("submit", "r2", b"{}")], 2.0)
        assert [(m.kind, m.run, m.at) for m in store.inbox()] == [
            ("submit", "r1", 1.0),
            ("cancel", "r1", 1.0),
            ("submit", "r2", 2.0),
        ]
        assert [m.run for m in other.inbox(first)] == ["r2"]
        assert [m.kind for m in other.messages("r1")] == ["submit", "cancel"]
        store.forget(last)
        assert list(other.inbox()) == []
        assert other.send([("submit", "r3", b"{}")], 3.0) > last
        store.close()
        other.close()
