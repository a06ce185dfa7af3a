"""The bulk file of companyfacts: in pieces, with progress, nothing stored twice."""

import zipfile
from pathlib import Path
from typing import Any

import pytest

from filings.bodies import SEC, real
from filings.bulk_files import answer, bulk_file
from filings.filer import Filer, sec
from filings.mill import Mill, mill_at
from raymill import json
from raymill.filings import bulk_steps
from raymill.flow.pool import StepContext


def run(mill: Mill, file: str) -> Any:
    return mill.of(mill.bulk, file=file)


@pytest.fixture
def mill(tmp_path: Path) -> Any:
    with sec(Filer()) as server, mill_at(server, tmp_path) as made:
        yield made


def test_every_answer_comes_into_the_dataset_once(mill: Mill, tmp_path: Path) -> None:
    answers = {cik: answer(cik, cik * 10) for cik in (1, 2, 65, 66)}
    file = bulk_file(tmp_path / "bulk.zip", answers)
    done = run(mill, file)
    assert done == {"companies": 4, "facts": 4, "unchanged": 0, "failures": []}
    assert mill.room.dataset.companies() == [1, 2, 65, 66]
    assert mill.values(65) == ["650"]
    assert run(mill, file) == {"companies": 0, "facts": 0, "unchanged": 4, "failures": []}
    bulk_file(tmp_path / "bulk.zip", answers | {2: answer(2, 21)})
    assert run(mill, file) == {"companies": 1, "facts": 1, "unchanged": 3, "failures": []}
    assert mill.values(2) == ["21"]


def test_an_answer_that_cannot_be_read_is_named_and_stops_no_other(
    mill: Mill, tmp_path: Path
) -> None:
    file = bulk_file(tmp_path / "bulk.zip", {1: answer(1, 1), 65: b"{nothing", 129: answer(129, 2)})
    done = run(mill, file)
    assert done["companies"] == 2
    (failure,) = done["failures"]
    assert failure["name"] == "CIK0000000065.json"
    assert "is no JSON" in failure["message"]


def test_a_piece_goes_on_where_it_was_killed(
    mill: Mill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_steps, "ROWS", 1)
    ciks = [1, 65, 129, 193]
    file = bulk_file(tmp_path / "bulk.zip", {cik: answer(cik, cik) for cik in ciks})
    saved: list[Any] = []

    def save(progress: Any) -> None:
        saved.append(json.loads(json.dumps(progress)))
        if len(saved) == 2:
            raise KeyboardInterrupt

    one = {"bucket": 1, "first": 0}
    with pytest.raises(KeyboardInterrupt):
        bulk_steps.piece(mill.room, one, {"file": file}, StepContext(save=save))
    assert mill.room.dataset.companies() == [1, 65]
    after = StepContext(progress=saved[0])
    done = bulk_steps.piece(mill.room, one, {"file": file}, after)
    assert (done["companies"], done["unchanged"], done["facts"]) == (3, 1, 3)
    assert mill.room.dataset.companies() == ciks


def test_what_is_no_bulk_file_is_refused(mill: Mill, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as file:
        file.writestr("readme.txt", "nothing")
    with pytest.raises(AssertionError, match="has no answer of companyfacts"):
        run(mill, str(tmp_path / "other.zip"))


@real
def test_real_answers_in_a_bulk_file(mill: Mill, tmp_path: Path) -> None:
    answers = {
        cik: (SEC / f"companyfacts/CIK{cik:010}.json").read_bytes()
        for cik in (320193, 1640147, 1997711)
    }
    done = run(mill, bulk_file(tmp_path / "bulk.zip", answers))
    assert (done["companies"], done["failures"]) == (3, [])
    assert mill.room.dataset.reports(320193).num_rows == 6522
