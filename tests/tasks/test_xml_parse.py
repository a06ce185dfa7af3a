"""xml_parse: RIoTBench's total, and what is refused."""

from pathlib import Path

import pytest

from raymill.flow import Fail
from raymill.tasks.xml_parse import xml_parse
from raymill.testing import check_task

STUDENT = (
    '<class><student rollno="393"><firstname>dinkar</firstname><lastname>kad</lastname>'
    "<nickname>din</nickname><marks>85</marks></student></class>"
)


def test_a_student_counts_its_texts_and_constants() -> None:
    # rollno 3 + 7, firstname 5+6+1, lastname 6+3+2, nickname 7+3+3, marks 8+2+4
    assert xml_parse(STUDENT) == 3 + 7 + 12 + 11 + 13 + 14


def test_the_sample_of_riotbench_gives_2512(shared_data: Path) -> None:
    # the answer of the original, see riotbench.md section 2.1
    text = (shared_data / "riotbench/xml/tempSAX.xml").read_text()
    assert xml_parse(text) == 2512


@pytest.mark.parametrize(
    ("marks", "length"),
    [
        ("<marks>85</marks>", 2),
        ("<marks>  </marks>", 2),
        ("<marks>8<!-- x -->5</marks>", 1),  # the first text behind the start tag
        ("<marks><!-- x -->85</marks>", 2),
        ("<marks><b>852</b></marks>", 3),
        ("<marks/>\n\n\n", 3),  # the next text of the document
        ("<marks>Zürich &amp; 😀</marks>", 10),
    ],
)
def test_marks_count_the_first_text_behind_their_start(marks: str, length: int) -> None:
    text = f"<class><student rollno='1'>{marks}<other>x</other></student></class>"
    assert xml_parse(text) == 1 + 7 + 8 + 4 + length


def test_a_document_without_students_counts_nothing() -> None:
    assert xml_parse("<?xml version='1.0' encoding='ISO-8859-1'?><class>ü</class>") == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<class><student></class>", "Opening and ending tag mismatch"),
        ("", "Document is empty"),
        ("<class>&nothing;</class>", "Entity 'nothing' not defined"),
        ("<class><student/></class>", "`student` has no `rollno`"),
    ],
)
def test_bad_documents_fail_with_the_parsers_message(text: str, message: str) -> None:
    (failed,) = xml_parse.try_out([{"value": text}])
    assert isinstance(failed, Fail)
    assert message in failed.reason


def test_external_entities_are_not_resolved(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("top secret")
    inside = f'<!DOCTYPE class [<!ENTITY x SYSTEM "{secret}">]><class>&x;</class>'
    (failed,) = xml_parse.try_out([{"value": inside}])
    assert failed == Fail("ValueError: the document declares entities")
    outside = f'<!DOCTYPE class SYSTEM "{secret}"><class><student rollno="1"/></class>'
    assert xml_parse(outside) == 1 + 7


def test_billion_laughs_is_refused() -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(10))
    text = f"<!DOCTYPE class [{laughs}]><class><student rollno='&l9;'/></class>"
    with pytest.raises(ValueError, match="entities"):
        xml_parse(text)


def test_the_answer_takes_the_place_of_the_text() -> None:
    assert xml_parse.try_out([{"id": 7, "value": STUDENT}]) == [{"id": 7, "value": 60}]


def test_the_invariants_of_tasks_hold() -> None:
    records = [{"row": n, "value": STUDENT if n % 3 else "<broken"} for n in range(12)]
    assert len(check_task(xml_parse, records).records) == 8
