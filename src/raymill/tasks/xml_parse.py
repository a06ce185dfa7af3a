"""XML texts parsed, and their content measured."""

from typing import Any

from raymill.flow import task

_TAGS = {"firstname": (5, 1), "lastname": (6, 2), "nickname": (7, 3), "marks": (8, 4)}
_OPTIONS: dict[str, Any] = {
    "encoding": "utf-8",
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
}


@task("xml_parse")
def xml_parse(value: str) -> int:
    """Parse an XML text and add `value`, the total length of the students that it lists.

    RIoTBench's XMLParse: a student counts the length of its `rollno` and 7, a `firstname` 6 and the
    length of the text behind its start tag, a `lastname` 8, a `nickname` 10, `marks` 12 and that
    length. Text that is not well-formed XML fails with the parser's message. A document that
    declares entities is refused, and nothing is loaded from outside.

    >>> xml_parse("<class><student rollno='39'><marks>85</marks></student></class>")
    23
    """
    from lxml import etree

    if "<!DOCTYPE" in value and "<!ENTITY" in value:
        raise ValueError("the document declares entities")
    parser = etree.XMLParser(remove_blank_text=True, **_OPTIONS)
    root = etree.fromstring(value.encode(), parser)
    total = 0
    for student in root.iter("student"):
        number = student.get("rollno")
        total += 7 + len(_roll_number(student) if number is None else number)
    for tag, (fixed, added) in _TAGS.items():
        length = fixed + added
        for element in root.iter(tag):
            text = element.text
            if not text:
                return _read_in_order(value)
            total += length + len(text)
    return total


def _roll_number(student: Any) -> str:
    number = student.get("rollno")
    if number is None:
        raise ValueError(f"line {student.sourceline}: `student` has no `rollno`")
    return str(number)


def _read_in_order(value: str) -> int:
    """The total where an element has no text of its own: then the next text counts as its own."""
    from lxml import etree

    root = etree.fromstring(value.encode(), etree.XMLParser(**_OPTIONS))
    total = 0
    waiting: set[str] = set()
    for event, node in etree.iterwalk(root, events=("start", "end", "comment", "pi")):
        text = node.text if event == "start" else node.tail
        if event == "start" and node.tag == "student":
            total += len(_roll_number(node)) + len("student")
        elif event == "start" and node.tag in _TAGS:
            total += _TAGS[node.tag][0]
            waiting.add(node.tag)
        if text and waiting:
            tag = next(tag for tag in _TAGS if tag in waiting)
            waiting.remove(tag)
            total += _TAGS[tag][1] + len(text)
    return total
