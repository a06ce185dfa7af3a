"""What must hold for every store of workflow runs; a test class of a backend inherits it."""

import os
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from raymill.errors import Fenced, StoreError
from raymill.state.store import (
    Changes,
    EventRow,
    Message,
    RunRow,
    ScheduleRow,
    StateStore,
    StepRow,
)


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


class StoreDoors:
    """What a backend gives to the suites that it inherits."""

    def make(self, folder: Any) -> StateStore:
        """Open the store of a folder; twice gives two doors to the same one."""
        raise NotImplementedError

    def change_migrations(self, folder: Any, tables: str, change: str) -> None:
        """Run a statement on the table of migrations of `journal` or `inbox`, named by `{}`."""
        raise NotImplementedError


class StoreRows(StoreDoors):
    """What holds for rows and messages of a store that one process uses, wherever they lie."""

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

    def test_a_known_run_keeps_what_it_began_with(self, tmp_path: Any) -> None:
        """Within one commit and in a later one."""
        store, epoch = self._with_lease(tmp_path)
        first = run_row("r1", input=b"1", created=7.0, parent=b'["p","s",0]')
        later = run_row("r1", input=None, created=8.0, output=b"2", status="completed", ended=9.0)
        store.commit(epoch, 101, 5, Changes([first, later, run_row("r2", input=b"1")]))
        store.commit(epoch, 102, 5, Changes([run_row("r2", input=None, error=b"3")]))
        whole = first._replace(output=b"2", status="completed", ended=9.0)
        assert store.run("r1") == whole
        assert store.run("r2") == run_row("r2", input=b"1", error=b"3")
        store.close()

    def test_values_come_back_bit_by_bit(self, tmp_path: Any) -> None:
        """Large ones, all bytes, none at all, exact times, whole numbers of 64 bits."""
        store, epoch = self._with_lease(tmp_path)
        every = bytes(range(256))
        large = every * 20_000
        times = {"created": 1732968000.1234567, "ended": 0.1 + 0.2, "deadline": 5e-324}
        run = run_row("r1", input=large, output=b"", error=every, priority=-(2**63), **times)
        step = step_row("r1", output=b'"\\u0000"', error=b"", progress=b"\0", attempt=2**63 - 1)
        store.commit(epoch, 101, 5, Changes([run], [step]))
        assert store.run("r1") == run
        assert store.steps("r1") == [step]
        store.close()

    def test_texts_come_back_in_any_writing(self, tmp_path: Any) -> None:
        """A NUL, which some stores cannot keep in a text, may come back as the sign for it."""
        store, epoch = self._with_lease(tmp_path)
        odd = (
            "quote \" ' back\\slash \\u0000 %s ? \u2028 \x01\t\r\n \u0130\u00df \U0001f600 e\u0301"
        )
        events = [
            EventRow("r1", 1.0, "error", "étape", 3, 1, odd),
            EventRow("r1", 2.0, "error", "a", 3, 2, "x\0y"),
        ]
        steps = [step_row("r1", "étape", worker=odd)]
        store.commit(epoch, 101, 5, Changes([run_row("r1", place=odd)], steps, events))
        first, second = store.events("r1")
        assert first == events[0]
        assert second.detail in ("x\0y", "x\u2400y")
        assert store.steps("r1") == steps
        assert store.run("r1") == run_row("r1", place=odd)
        store.close()

    def test_events_are_in_the_order_in_which_they_were_committed(self, tmp_path: Any) -> None:
        """Whatever their times say."""
        store, epoch = self._with_lease(tmp_path)
        for first in (0, 50):
            made = [EventRow("r1", 99.0 - n, "e", "", -1, n, "") for n in range(first, first + 50)]
            store.commit(epoch, 101, 5, Changes(events=made))
        assert [event.attempt for event in store.events("r1")] == list(range(100))
        store.close()

    def test_what_was_taken_from_the_inbox_never_goes_back(self, tmp_path: Any) -> None:
        """A limit, though, is as it was said last."""
        store, epoch = self._with_lease(tmp_path)
        store.commit(epoch, 101, 5, Changes(limits={"sec": 9.0, "x": 1.0}, taken=4))
        store.commit(epoch, 102, 5, Changes(limits={"sec": 8.0}, taken=3))
        assert (store.limits(), store.taken()) == ({"sec": 8.0, "x": 1.0}, 4)
        store.close()

    def test_nothing_of_an_old_epoch_appears_once_a_new_one_has_begun(self, tmp_path: Any) -> None:
        """However fast the old holder goes on committing."""
        store, epoch = self._with_lease(tmp_path)
        other = self.make(tmp_path)
        begun, fenced = threading.Event(), threading.Event()

        def go_on() -> None:
            for number in range(1_000_000):
                rows = [step_row("r1", item=10 * number + n) for n in range(10)]
                changes = Changes(steps=rows)
                if _is_fenced(partial(store.commit, epoch, 101, 5, changes)):
                    break
                begun.set()
            fenced.set()

        thread = threading.Thread(target=go_on)
        thread.start()
        assert begun.wait(30)
        assert other.acquire("two", 5, 200.0, nobody) is not None
        found = other.steps("r1")
        assert fenced.wait(30)
        thread.join()
        assert other.steps("r1") == found
        assert len(found) % 10 == 0
        store.close()
        other.close()

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

    def test_the_holder_may_take_the_lease_anew(self, tmp_path: Any) -> None:
        """With a new epoch; the old one is over."""
        store, epoch = self._with_lease(tmp_path)
        again = store.acquire("one", 5, 101.0, nobody)
        assert again is not None
        assert again.epoch == epoch + 1
        assert _is_fenced(lambda: store.commit(epoch, 102, 5, Changes()))
        store.commit(again.epoch, 102, 5, Changes())
        store.close()

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
        assert listed(most=4, before="r1") == ["r0"]
        assert listed(before="nowhere") == []
        assert listed(status="failed", most=1, before="r7") == ["r4"]
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
        later = other.send([("submit", "r3", b"{}")], 3.0)
        assert later > last
        store.forget(later)
        store.close()
        other.close()
        again = self.make(tmp_path)
        assert again.send([("submit", "r4", b"{}")], 4.0) > later
        again.close()

    def test_a_page_of_the_inbox_is_followed_by_the_next(self, tmp_path: Any) -> None:
        """By the id of the last message that was read; bodies come back whole."""
        store = self.make(tmp_path)
        bodies = [bytes([n]) * (100_000 if n == 7 else n) for n in range(10)]
        store.send([("k", f"r{n}", body) for n, body in enumerate(bodies)], 1.0)
        found, after = [], 0
        while page := store.inbox(after, most=3):
            assert len(page) <= 3
            found += [message.body for message in page]
            after = page[-1].id
        assert found == bodies
        store.close()

    def test_who_waits_is_woken_by_a_message_of_another(self, tmp_path: Any) -> None:
        """Or looks by itself now and then."""
        store, other = self.make(tmp_path), self.make(tmp_path)
        store.wait(0.0)
        other.send([("submit", "r1", b"{}")], 1.0)
        assert store.wait(30.0)
        assert len(store.inbox()) == 1
        store.close()
        other.close()


class StoreSuite(StoreRows):
    """What holds for a store that lasts and that one process uses."""

    def test_a_store_of_a_newer_version_is_refused(self, tmp_path: Any) -> None:
        """With the places to set another one."""
        self.make(tmp_path).close()
        self.change_migrations(tmp_path, "journal", "INSERT INTO {} VALUES (99, '0099_x', 'x')")
        error = self._refusal(tmp_path)
        assert "newer version of raymill (schema 99" in error.message
        assert "RAYMILL_HOME or RAYMILL_DATABASE_URL" in (error.hint or "")

    def test_a_migration_that_was_changed_is_refused(self, tmp_path: Any) -> None:
        """By its name."""
        self.make(tmp_path).close()
        self.change_migrations(tmp_path, "inbox", "UPDATE {} SET checksum='other'")
        assert "0001_messages.sql" in self._refusal(tmp_path).message

    def _refusal(self, folder: Any) -> StoreError:
        try:
            self.make(folder).close()
        except StoreError as error:
            return error
        raise AssertionError("the store was opened")


class StoreProcesses(StoreDoors):
    """What holds for a store that several processes use at once; it forks them."""

    def test_several_may_make_the_store_at_once(self, tmp_path: Any) -> None:
        """Each finds it whole."""

        def use(number: int) -> None:
            store = self.make(tmp_path)
            store.send([("submit", f"r{number}", b"{}")], 1.0)
            assert store.taken() == 0
            store.close()

        in_processes(use, 4)
        store = self.make(tmp_path)
        assert sorted(message.run for message in store.inbox()) == ["r0", "r1", "r2", "r3"]
        store.close()

    def test_one_of_several_takes_the_lease(self, tmp_path: Any) -> None:
        """And the others learn whose it is."""
        self.make(tmp_path).close()
        won = Path(tmp_path) / "won"

        def grasp(number: int) -> None:
            store = self.make(tmp_path)
            if store.acquire(f"owner {number}", 5, 100.0, nobody) is None:
                held = store.holder(100.0, nobody)
                assert held is not None
                assert held.owner != f"owner {number}"
            else:
                won.mkdir()  # a second one would fail
            store.close()

        in_processes(grasp, 4)
        assert won.is_dir()

    def test_a_reader_misses_no_message_of_many_senders(self, tmp_path: Any) -> None:
        """It asks for what came after the last one that it saw."""
        self.make(tmp_path).close()
        senders, each = 4, 50
        seen: list[Message] = []

        def send(number: int) -> None:
            store = self.make(tmp_path)
            for turn in range(each):
                store.send([("submit", f"{number} {turn}", b"{}")] * (1 + turn % 2), 1.0)
            store.close()

        def read(_: int) -> None:
            store = self.make(tmp_path)
            wanted = senders * (each + each // 2)
            deadline = time.monotonic() + 60
            while len(seen) < wanted and time.monotonic() < deadline:
                seen.extend(store.inbox(seen[-1].id if seen else 0))
            store.close()
            assert len(seen) == wanted
            for number in range(senders):
                runs = [m.run for m in seen if m.run.startswith(f"{number} ")]
                assert runs == [f"{number} {n}" for n in range(each) for _ in range(1 + n % 2)]

        in_processes(lambda number: (send if number else read)(number - 1), senders + 1)


def in_processes(work: Callable[[int], None], count: int) -> None:
    """Call `work` with each number below `count` in a process of its own, all at once."""
    children = [_fork(work, number) for number in range(count)]
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert codes == [0] * count, f"processes ended with {codes}"


def _fork(work: Callable[[int], None], number: int) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside other threads
        child = os.fork()
    if child:
        return child
    try:
        work(number)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
