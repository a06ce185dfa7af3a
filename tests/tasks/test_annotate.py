from pathlib import Path

import pytest

from raymill.errors import ConfigError, InputError
from raymill.tasks.annotate import Annotate, read_annotations
from tasks.recut import run


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "table.txt"
    path.write_bytes(b"\xef\xbb\xbfs1:building4,analog\r\ns2:10:30,heat\n\ns3:roof\n")
    return str(path)


def test_each_value_of_a_line_becomes_a_column(table: str) -> None:
    found = run(Annotate, [{"value": "s1", "x": 1}], file=table, names="place,kind").records
    assert found == [{"value": "s1", "x": 1, "place": "building4", "kind": "analog"}]


def test_a_key_ends_at_the_first_colon(table: str) -> None:  # the original cuts at each
    found = run(Annotate, [{"value": "s2"}], file=table).records
    assert found == [{"value": "s2", "annotation_1": "10:30", "annotation_2": "heat"}]


def test_an_unknown_key_gets_empty_columns_never_stale_ones(table: str) -> None:
    # the original hands on the annotation of the record before
    found = run(Annotate, [{"value": "s1"}, {"value": "s9"}, {"value": None}], file=table).records
    assert [r["annotation_1"] for r in found] == ["building4", None, None]


def test_a_table_larger_or_smaller_than_the_batch_says_the_same(table: str) -> None:
    records = [{"value": value} for value in ("s1", "s9", None, "s2", "s1")]
    expected = ["building4", None, None, "10:30", "building4"]
    for cuts in ([], [1, 2, 3, 4]):
        found = run(Annotate, records, cuts, file=table).records
        assert [r["annotation_1"] for r in found] == expected


def test_an_unknown_key_can_fail(table: str) -> None:
    found = run(Annotate, [{"value": "s1"}, {"value": "s9"}], file=table, unknown="fail")
    assert len(found.records) == 1
    assert found.counts.failed == {"key is not in the annotation file": 1}


def test_a_second_instance_does_not_empty_the_first(table: str, tmp_path: Path) -> None:
    # in the original setting up a second one clears the table of all
    other = tmp_path / "other.txt"
    other.write_text("s1:elsewhere\n")
    first = Annotate(table)
    Annotate(str(other)).open()
    assert first.spec().adds.names == ["annotation_1", "annotation_2"]
    found = run(Annotate, [{"value": "s1"}], file=table).records
    assert found[0]["annotation_1"] == "building4"


def test_a_short_line_leaves_the_last_columns_empty(table: str) -> None:
    found = run(Annotate, [{"value": "s3"}], file=table).records
    assert found == [{"value": "s3", "annotation_1": "roof", "annotation_2": None}]


def test_of_two_lines_with_one_key_the_later_holds(tmp_path: Path) -> None:
    path = tmp_path / "table.txt"
    path.write_text("a:1\na:2\n")
    assert read_annotations(str(path)) == {"a": ["2"]}


def test_too_few_names_are_refused(table: str) -> None:
    with pytest.raises(ConfigError, match="2 values"):
        Annotate(table, names=("place",)).spec()


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none\\.txt"):
        Annotate(str(tmp_path / "none.txt")).spec()


def test_a_line_without_a_colon_is_named(tmp_path: Path) -> None:
    path = tmp_path / "table.txt"
    path.write_text("a:1\nb\n")
    with pytest.raises(InputError, match="line 2"):
        read_annotations(str(path))


def test_an_empty_table_annotates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "table.txt"
    path.write_text("")
    found = run(Annotate, [{"value": "a"}], file=str(path), names="place").records
    assert found == [{"value": "a", "place": None}]


@pytest.mark.parametrize(
    ("name", "key", "values"),
    [
        ("city-metadata.txt", "ci4lnqzte000002xpokc9d25v1", ["building2", "heat"]),
        ("mhealth_annotation_mapping.csv", "subject2", ["56", "M"]),
        (
            "taxi-metadata-sample.txt",
            "000318C2E3E6381580E5C99910A60668",
            ["jam", "kelly", "San Diego"],
        ),
    ],
)
def test_the_tables_of_riotbench_are_read(
    shared_data: Path, name: str, key: str, values: list[str]
) -> None:
    path = shared_data / "riotbench" / "metadata" / name
    found = run(Annotate, [{"value": key}], file=str(path)).records
    assert list(found[0].values()) == [key, *values]
