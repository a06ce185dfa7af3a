"""Made streams: they look like the real ones, and are the same each time."""

import re
from pathlib import Path
from statistics import mean

import pytest

from raymill import json
from raymill.bench import lookalike
from raymill.bench.case import Setup
from raymill.bench.readings import batches, looped, shuffled, texts

# mean bytes of a line of the real samples, from their README: 381 KB, 870 KB and 1,230 B
SIZES = {"city": 381, "taxi": 870, "fit": 1230}
REAL = {"city": "SYS", "taxi": "TAXI", "fit": "FIT"}
LONG = re.compile(rb'"v":"-?[0-9.]{17,}"')


@pytest.mark.parametrize("stream", SIZES)
def test_made_records_are_about_as_long_as_real_ones(stream: str) -> None:
    size = mean(len(text) + 15 for text in texts(Setup(), stream))
    assert abs(size / SIZES[stream] - 1) < 0.05


@pytest.mark.parametrize("stream", SIZES)
def test_made_records_have_the_elements_of_real_ones(stream: str, shared_data: Path) -> None:
    path = shared_data / "riotbench" / "streams" / f"{REAL[stream]}_sample_data_senml.csv"
    real = json.loads(path.read_bytes().splitlines()[0].partition(b",")[2])
    made = json.loads(texts(Setup(), stream)[0])

    def form(record: dict[str, list[dict[str, str]]]) -> list[object]:
        return [type(record["bt"]), [(e["n"], e["u"], list(e)) for e in record["e"]]]

    assert form(made) == form(real)


def test_a_share_of_city_has_numbers_of_17_digits() -> None:
    found = texts(Setup(), "city")
    share = sum(bool(LONG.search(text)) for text in found) / len(found)
    assert share == pytest.approx(0.044, abs=0.005)


def test_made_data_is_the_same_each_time() -> None:
    assert texts(Setup(), "taxi") == texts(Setup(), "taxi")
    first, second = (batches(Setup(), "dust", count=100)[0] for _ in range(2))
    assert first.equals(second)


def test_keys_are_26_characters_and_all_different() -> None:
    keys = lookalike.key_names(10_000)
    assert {len(key) for key in keys} == {26}
    assert len(set(keys)) == 10_000


def test_shuffled_records_say_the_same() -> None:
    def said(text: bytes) -> object:
        return json.loads(text)

    found = shuffled(Setup(), "city")[:100]
    assert list(map(said, found)) == list(map(said, texts(Setup(), "city")[:100]))
    assert len({tuple(map(tuple, said(text)["e"])) for text in found}) == 100  # type: ignore[index]


def test_a_looped_stream_has_the_lines_that_were_asked_for() -> None:
    lines = b"".join(looped(Setup(), "fit", 2500)).splitlines()
    assert len(lines) == 2500
    assert lines[0] == lines[1000] == lines[2000]


def test_a_dictionary_belongs_to_two_batches_as_in_a_file() -> None:
    first, second, third = batches(Setup(), count=140_000)
    assert [batch.num_rows for batch in (first, second, third)] == [65_536, 65_536, 8_928]
    places = [b.column("source").dictionary.buffers()[2].address for b in (first, second, third)]
    assert places[0] == places[1] != places[2]
