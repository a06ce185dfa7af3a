"""Learning the layout of a record: what is fixed text, and where which value stands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from raymill import json
from raymill.connectors.senml import match
from raymill.connectors.senml.fields import Layout, Type
from raymill.connectors.senml.library import BadRecord, read_record

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')
_DIGITS = re.compile(rb"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Step:
    """Fixed text, then a value."""

    text: bytes
    op: int
    place: int = 0


@dataclass(frozen=True, slots=True)
class Template:
    """The layout of a record."""

    steps: tuple[Step, ...]
    absent: tuple[int, ...]  # wanted fields that it does not have


@dataclass(frozen=True, slots=True)
class _Value:
    """Where a value stands (without quotes), and what it is for."""

    start: int
    stop: int
    op: int
    place: int = 0


class _Unfit(Exception):
    """The record has something that no template can express."""


def learn(text: bytes, layout: Layout) -> Template | None:
    """Learn the template of a record; None if it is bad or not plain enough."""
    try:
        read_record(text, layout)
        tokens = [found.span() for found in _TOKEN.finditer(text)]
        values, names = _Walk(text, tokens, layout).record()
    except (BadRecord, _Unfit):
        return None
    steps, at = [], 0
    for value in sorted(values, key=lambda each: each.start):
        steps.append(Step(text[at : value.start], value.op, value.place))
        at = value.stop
    absent = (
        n
        for n, field in enumerate(layout.fields)
        if field.name not in names and layout.wants(field.name)
    )
    return Template((*steps, Step(text[at:], match.END)), tuple(absent))


class _Walk:
    """A walk over the tokens of a record that is known to be good."""

    def __init__(self, text: bytes, tokens: list[tuple[int, int]], layout: Layout) -> None:
        self.text = text
        self.tokens = tokens
        self.layout = layout
        self.at = 0
        counts = {Type.NUMBER: 0, Type.TEXT: 0}
        self.places: dict[str, tuple[Type, int]] = {}
        for field in layout.wanted:
            self.places[field.name] = (field.type, counts[field.type])
            counts[field.type] += 1

    def record(self) -> tuple[list[_Value], set[str]]:
        """Find the values and the names of the elements. Raises _Unfit."""
        values: list[_Value] = []
        names: set[str] = set()
        for key in self._members():
            if key == "e":
                for name, value in self._elements():
                    if name in names:
                        raise _Unfit
                    names.add(name)
                    values.extend(value)
            elif key == "bt":
                values.append(self._time())
            elif key != "bu" and (key != "bn" or self.layout.rfc):
                raise _Unfit
            else:
                self._next()
        return values, names

    def _next(self) -> bytes:
        start, stop = self.tokens[self.at]
        self.at += 1
        token = self.text[start:stop]
        if token in (b"{", b"["):
            raise _Unfit
        return token

    def _peek(self) -> bytes:
        start, stop = self.tokens[self.at]
        return self.text[start:stop]

    def _members(self) -> Iterator[str]:
        """Give each key of an object, its value being next. Raises _Unfit at a key given twice."""
        seen: set[str] = set()
        self._expect(b"{")
        while self._peek() != b"}":
            if seen:
                self._expect(b",")
            key = json.loads(self._next())
            if key in seen:
                raise _Unfit
            seen.add(key)
            self._expect(b":")
            yield key
        self.at += 1

    def _expect(self, token: bytes) -> None:
        if self._peek() != token:
            raise _Unfit
        self.at += 1

    def _elements(self) -> Iterator[tuple[str, list[_Value]]]:
        self._expect(b"[")
        while self._peek() != b"]":
            if self._peek() == b",":
                self.at += 1
            yield self._element()
        self.at += 1

    def _element(self) -> tuple[str, list[_Value]]:
        found: dict[str, int] = {}
        name = ""
        for key in self._members():
            found[key] = self.at
            token = self._next()
            if key == "n":
                name = json.loads(token)
        if not name or not found.keys() <= {"n", "u", "t", "v", "sv"}:
            raise _Unfit
        if ("v" in found) == ("sv" in found):
            raise _Unfit
        values = [self._value(name, found.get("v", found.get("sv", 0)))]
        if "t" in found:
            values.append(self._skipped(found["t"]))
        return name, values

    def _span(self, token: int) -> tuple[int, int, bool]:
        start, stop = self.tokens[token]
        if self.text[start] == 34:
            return start + 1, stop - 1, True
        if self.text[start] not in b"-0123456789":
            raise _Unfit
        return start, stop, False

    def _skipped(self, token: int) -> _Value:
        start, stop, quoted = self._span(token)
        return _Value(start, stop, match.SKIP_TEXT if quoted else match.SKIP_BARE)

    def _value(self, name: str, token: int) -> _Value:
        if name not in self.places:
            return self._skipped(token)
        start, stop, quoted = self._span(token)
        kind, place = self.places[name]
        if kind is Type.NUMBER:
            return _Value(start, stop, match.NUMBER_TEXT if quoted else match.NUMBER_BARE, place)
        if not quoted:
            raise _Unfit
        return _Value(start, stop, match.TEXT, place)

    def _time(self) -> _Value:
        start, stop, quoted = self._span(self.at)
        self.at += 1
        if not _DIGITS.fullmatch(self.text[start:stop]):
            raise _Unfit
        return _Value(start, stop, match.TIME_TEXT if quoted else match.TIME_BARE)
