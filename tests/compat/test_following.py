"""Who waits for a company hears of its end, or of why nobody can tell."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from raymill.compat.following import Follower
from raymill.errors import RaymillError, StoreError, StoreUnavailable, WorkflowError
from raymill.filings.ledger import Standing
from raymill.filings.status import ProcessingState, ProcessingStatus

BEGUN = Standing("AAPL", "run", ProcessingStatus.DISCOVERED)
DONE = replace(BEGUN, status=ProcessingStatus.COMPLETED)


class Journal:
    """Filings as a follower sees them: what it answers comes from a list, the last for ever."""

    def __init__(self, *answers: Standing | Exception) -> None:
        self.answers = list(answers)
        self.ledger = self.workflows = self
        self.kept_going = 0

    def going(self) -> dict[str, ProcessingStatus]:
        return {"AAPL": ProcessingStatus.DISCOVERED}

    def standing(self, known: Standing) -> Standing:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def keep_going(self) -> None:
        self.kept_going += 1


def told(now: Standing) -> ProcessingState:
    return ProcessingState(now.called, "", now.status)


Follow = Callable[..., Follower]


@pytest.fixture
def follow() -> Iterator[Follow]:
    made: list[Follower] = []

    def start(journal: Journal, tell: Callable[[Standing], ProcessingState] = told) -> Follower:
        follower = Follower(journal, tell, poll_s=0.001, rest_s=0.001)  # type: ignore[arg-type]
        made.append(follower)
        return follower

    yield start
    for one in made:
        one.close()


def test_all_who_wait_for_a_run_hear_of_its_end(follow: Follow) -> None:
    journal = Journal(BEGUN, BEGUN, DONE)
    follower = follow(journal)
    first, second = follower.add(BEGUN), follower.add(BEGUN)
    assert first.result(30).is_completed()
    assert second.result(30) == first.result(30)
    assert journal.kept_going >= 1
    assert follower.seen() == {}


def test_a_store_that_is_away_for_a_while_only_takes_longer(follow: Follow) -> None:
    away = StoreUnavailable("The server cannot be reached")
    assert follow(Journal(BEGUN, away, away, away, DONE)).add(BEGUN).result(30).is_completed()


@pytest.mark.parametrize(
    "error", [StoreUnavailable("gone"), StoreError("No space left"), ValueError("a bug")]
)
def test_what_does_not_get_better_is_told(follow: Follow, error: Exception) -> None:
    journal = Journal(error)
    follower = follow(journal)
    with pytest.raises(type(error), match=str(error)):
        follower.add(BEGUN).result(30)
    journal.answers = [DONE]
    assert follower.add(BEGUN).result(30).is_completed()


def test_a_state_that_cannot_be_written_is_told(follow: Follow) -> None:
    def tell(now: Standing) -> ProcessingState:
        raise StoreError("No space left for `AAPL_state.json`")

    with pytest.raises(RaymillError, match="No space left"):
        follow(Journal(DONE), tell).add(BEGUN).result(30)


def test_who_still_waits_at_the_close_is_told_that_the_run_goes_on(follow: Follow) -> None:
    follower = follow(Journal(BEGUN))
    future = follower.add(BEGUN)
    follower.close()
    with pytest.raises(WorkflowError, match="its run goes on"):
        future.result(30)
