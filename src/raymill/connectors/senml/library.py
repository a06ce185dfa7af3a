"""The way out for records that no kernel reads: a JSON library, whose verdict decides emit or fail.

This is the definition of what a record means; the kernels only give the same answer faster.
"""

from dataclasses import dataclass, field
from typing import Any

from raymill import json
from raymill.connectors.senml.fields import Field, Layout, Type
from raymill.flow.outcome import Fail

NOT_JSON, NO_RECORD, NO_NAME, BAD_TIME, UNKNOWN_NAME, FIRST_FIELD = range(1, 7)
LAST = 250
_LARGEST = 2**63


class BadRecord(ValueError):
    """A record that fails, with the code of its reason."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Record:
    """A record as the library reads it: wanted fields only, None where one is missing."""

    time: int
    values: tuple[float | str | None, ...]
    times: tuple[int | None, ...] = field(default=())


def reasons(layout: Layout) -> tuple[Fail, ...]:
    """What the codes 1, 2, ... of a layout mean."""
    general = (
        Fail("not JSON"),
        Fail("no SenML record: no list `e` of objects"),
        Fail("element without a name"),
        Fail("`bt` is no whole number"),
        Fail("element of an unknown name"),
    )
    room = LAST - FIRST_FIELD
    fields = tuple(Fail(_reason(each)) for each in layout.fields[:room])
    rest = (
        (Fail("a later field has a value of the wrong type"),) if len(layout.fields) > room else ()
    )
    return general + fields + rest


def _reason(field: Field) -> str:
    return f"`{field.name}` is not a {field.type.value}"


def read_elements(text: bytes | str, rfc: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a record as its top-level object and its elements by name; the last of a name wins.

    Raises BadRecord.
    """
    try:
        record = json.loads(text)
    except json.JSONError as error:
        raise BadRecord(NOT_JSON, str(error)) from None
    if not isinstance(record, dict) or not isinstance(record.get("e"), list):
        raise BadRecord(NO_RECORD)
    elements: dict[str, Any] = {}
    base = record.get("bn")
    for element in record["e"]:
        if not isinstance(element, dict):
            raise BadRecord(NO_RECORD)
        name = element.get("n")
        if rfc or type(name) is not str or not name:
            name = _name(element, base, rfc)
        elements[name] = element
    return record, elements


def _name(element: dict[str, Any], base: Any, rfc: bool) -> str:
    name = element.get("n", "" if rfc else base)
    if rfc and isinstance(name, str):
        name = (base or "") + name if isinstance(base, str | None) else None
    if not isinstance(name, str) or not name:
        raise BadRecord(NO_NAME)
    return name


def read_record(text: bytes | str, layout: Layout) -> Record:
    """Read a record in full. Raises BadRecord."""
    record, elements = read_elements(text, layout.rfc)
    if layout.unknown == "fail" and not elements.keys() <= layout.index.keys():
        name = next(name for name in elements if name not in layout.index)
        raise BadRecord(UNKNOWN_NAME, f"`{name}`")
    time = _time(record.get("bt"))
    base = record.get("bv")
    values = tuple(_value(elements.get(each.name), each, base, layout) for each in layout.wanted)
    if not layout.element_time:
        return Record(time, values)
    times = tuple(_element_time(elements.get(each.name), time) for each in layout.wanted)
    return Record(time, values, times)


def _time(value: Any) -> int:
    if value is None:
        return 0
    try:
        time = _whole(value)
    except (ValueError, OverflowError):
        raise BadRecord(BAD_TIME, repr(value)) from None
    if not -_LARGEST <= time < _LARGEST:
        raise BadRecord(BAD_TIME, repr(value))
    return time


def _whole(value: Any) -> int:
    number = read_number(value)
    if isinstance(value, float):
        return int(number)
    try:
        return int(value)
    except ValueError:
        return int(number)


def _element_time(element: Any, base: int) -> int | None:
    if element is None:
        return None
    offset = element.get("t", 0)
    return base + _time(offset)


def read_number(value: Any) -> float:
    """Read a JSON number or the text of one: what `float()` reads in ASCII without underscores.

    Raises ValueError.

    >>> read_number("46.1927629")
    46.1927629
    """
    if type(value) is str:
        if not value.isascii() or "_" in value:
            raise ValueError(value)
    elif type(value) is not float and type(value) is not int:
        raise ValueError(value)
    return float(value)


def _value(element: Any, field: Field, base: Any, layout: Layout) -> float | str | None:
    if element is None:
        return None
    value = element.get("v")
    if value is None:
        return _other_value(element, field, layout)
    try:
        if field.type is Type.TEXT:
            return _text(value)
        number = read_number(value)
        return number if base is None else number + read_number(base)
    except ValueError:
        raise _wrong(field, value, layout) from None


def _other_value(element: dict[str, Any], field: Field, layout: Layout) -> float | str | None:
    value = next((element[k] for k in ("sv", "vs", "vb") if element.get(k) is not None), None)
    if value is None:
        return None
    try:
        if field.type is Type.TEXT:
            return _text(value)
        return float(value) if isinstance(value, bool) else read_number(value)
    except ValueError:
        raise _wrong(field, value, layout) from None


def _wrong(field: Field, value: Any, layout: Layout) -> BadRecord:
    code = min(FIRST_FIELD + layout.index[field.name], LAST)
    return BadRecord(code, f"`{field.name}`: {value!r}")


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        raise ValueError(value)
    return value if isinstance(value, str) else json.dumps(value).decode()
