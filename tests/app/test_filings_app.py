"""The application of filings: its workflows by name, what it takes over, one run at a time."""

import tomllib
from pathlib import Path

import pytest

from filings.bodies import inline
from raymill.app.filings import BULK, asking, watching
from raymill.app.filings.companies import Filings
from raymill.app.filings.once import one_at_a_time
from raymill.app.filings.rooms import open_archive, open_ledger
from raymill.app.workflows import Workflows
from raymill.errors import ConfigError
from raymill.filings.archive import filed
from raymill.filings.ledger import Claim
from raymill.filings.status import ProcessingState, ProcessingStatus
from raymill.flow.places import workflow_at

ROOT = Path(__file__).parents[2]
ACCESSION = "0000012345-25-000001"


@pytest.fixture(autouse=True)
def identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYMILL_FILINGS_IDENTITY", "Tiny Tests tests@tiny.example")


@pytest.fixture
def filings(monkeypatch: pytest.MonkeyPatch) -> Filings:
    monkeypatch.setattr(Workflows, "ensure", lambda self: False)  # nobody runs what is submitted
    return Filings()


def test_the_workflows_are_registered_under_their_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    points = project["entry-points"]["raymill.workflows"]
    assert {name: workflow_at(place).name for name, place in points.items()} == {
        name: name
        for name in ("backtest", "filings", "filings-bulk", "filings-update", "filings-watch")
    }


def submission() -> bytes:
    page = inline("").data.decode()
    return f"""-----BEGIN PRIVACY-ENHANCED MESSAGE-----
<SEC-HEADER>
ACCESSION NUMBER: {ACCESSION}
CONFORMED SUBMISSION TYPE: 10-K
CENTRAL INDEX KEY: 0000012345
</SEC-HEADER>
<DOCUMENT>
<TYPE>10-K
<FILENAME>tiny.htm
<TEXT>
{page}
</TEXT>
</DOCUMENT>
""".encode()


def test_a_submission_that_an_older_program_fetched_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "sec-edgar-filings/TNY/10-K" / ACCESSION / "full-submission.txt"
    path.parent.mkdir(parents=True)
    path.write_bytes(submission())
    state = ProcessingState("TNY", "tny.json", sec_filing_path=str(path))
    watching.adopt(state)
    found = open_archive().find(filed(12345, ACCESSION, "full-submission.txt"))
    assert found is not None
    assert found.read() == submission()


@pytest.mark.parametrize("name", ["none.txt", "page.htm"])
def test_what_is_no_submission_is_left_where_it_is(tmp_path: Path, name: str) -> None:
    (tmp_path / "page.htm").write_text("<html>cover</html>")
    state = ProcessingState("TNY", "tny.json", sec_filing_path=str(tmp_path / name))
    watching.adopt(state)
    assert not open_archive().folder.exists()


def test_what_is_under_way_is_joined_and_what_differs_is_asked_for_anew(filings: Filings) -> None:
    one, other = filings.ask("tny", "brk.b")
    assert [one.called, other.called] == ["TNY", "BRK-B"]
    (joined,) = filings.ask("TNY", file="somewhere else")
    assert joined.run == one.run
    (narrower,) = filings.ask("TNY", forms=("10-K",))
    assert (narrower.generation, narrower.run == one.run) == (2, False)
    assert len(filings.workflows.ls()) == 3


def test_a_claim_whose_submission_was_lost_is_submitted_by_the_next(filings: Filings) -> None:
    asked = asking.Wanted().asked("TNY")
    run = asking.run_id("TNY", 1)
    filings.ledger.claim([Claim("TNY", 1, run, asked)], 1.0)
    assert filings.workflows.ls() == []
    (found,) = filings.ask("TNY")
    assert (found.run, [row.id for row in filings.workflows.ls()]) == (run, [run])


def test_of_two_that_claim_at_once_one_looks_again() -> None:
    ledger, asked = open_ledger(), {"company": "TNY"}
    assert len(ledger.claim([Claim("TNY", 1, "r1", asked)], 1.0)) == 1
    assert ledger.claim([Claim("TNY", 1, "r2", asked)], 2.0) == []
    ledger.note("TNY", "r2", ProcessingStatus.ERROR, 3.0)
    found = ledger.find("TNY")
    assert found is not None
    assert (found.run, found.status) == ("r1", ProcessingStatus.DISCOVERED)


def test_five_hundred_companies_are_asked_for_by_few_commits(
    filings: Filings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    send = filings.workflows.store.send
    monkeypatch.setattr(
        filings.workflows.store, "send", lambda m, now: sent.append(len(list(m))) or send(m, now)
    )
    monkeypatch.setattr(asking, "TOGETHER", 20)
    found = filings.ask(*(f"T{n}" for n in range(50)))
    assert len({one.run for one in found}) == 50
    assert sent == [20, 20, 10]
    assert filings.ledger.counts()[ProcessingStatus.DISCOVERED] == 50
    assert [one.called for one in filings.page(after="T47")][:3] == ["T48", "T49", "T5"]


def test_of_some_runs_there_is_one_at_a_time(filings: Filings) -> None:
    def start(**asked: int) -> tuple[str, bool]:
        place = "raymill.app.filings:BULK"
        return one_at_a_time(filings.workflows, filings.ledger, BULK, place, "bulk f", asked)

    first = start(size=1)
    assert first[1]
    assert start(size=1)[0] == first[0]
    with pytest.raises(ConfigError, match="is under way with other options"):
        start(size=2)
