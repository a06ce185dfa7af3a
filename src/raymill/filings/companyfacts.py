"""companyfacts: every fact without dimensions that a company ever filed, as one JSON answer."""

import re
from collections.abc import Iterator
from contextlib import suppress
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa

from raymill import arrow, json
from raymill.arrow import Array
from raymill.errors import DataError, InputError
from raymill.filings.document import Document
from raymill.filings.schema import DIMENSIONS, FACTS, kind_of_column, no_facts

_COLUMNS: dict[str, pa.DataType] = {
    "start": pa.string(),
    "end": pa.string(),
    "accn": pa.string(),
    "fy": pa.int16(),
    "fp": pa.string(),
    "form": pa.string(),
    "filed": pa.string(),
    "frame": pa.string(),
}
_OPTIONAL = ("start", "frame")
_NEAR = 1024  # rows whose texts fit into a processor's cache
_VALUE = re.compile(rb'"val"\s*:\s*([^,}\s]+)')


def read_companyfacts(document: Document) -> pa.Table:
    """Read an answer as facts, in its own order.

    Raises InputError where it is something else, DataError where it breaks off or holds a date or
    number that is none.
    """
    answer = _answer(document)
    try:
        runs = list(_runs(answer["facts"]))
        rows = [row for _, _, _, found in runs for row in found]
        if not rows:
            return no_facts()
        cells = _of_rows(rows, _texts(document.data, rows)) | _of_runs(runs)
        cells |= _of_answer(answer, document.file, len(rows))
        arrays: list[Any] = [cells[name] for name in FACTS.names]
        return pa.Table.from_arrays(arrays, schema=FACTS)
    except (pa.ArrowException, AttributeError, KeyError, TypeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"`{document.name}` holds a row that is no fact: {reason}") from error


def _answer(document: Document) -> dict[str, Any]:
    try:
        answer = json.loads(document.data)
    except json.JSONError as error:
        raise DataError(
            f"`{document.name}` breaks off or is no JSON: {error}", hint="fetch the file again"
        ) from error
    if not isinstance(answer, dict) or not isinstance(answer.get("facts"), dict):
        raise InputError(
            f"`{document.name}` is JSON, but no companyfacts answer: it has no `facts`",
            hint="the answers are named CIK##########.json",
        )
    return answer


def _runs(facts: dict[str, Any]) -> Iterator[tuple[str, str, str, list[dict[str, Any]]]]:
    for taxonomy, concepts in facts.items():
        for concept, body in concepts.items():
            for unit, rows in body.get("units", {}).items():
                yield taxonomy, concept, unit, rows


def _texts(data: bytes, rows: list[dict[str, Any]]) -> Array:
    """The numbers as they stand there: a double would lose the digits beyond the sixteenth."""
    found: list[bytes | None] = _VALUE.findall(data)
    if len(found) != len(rows):
        found = [json.dumps(row["val"]) for row in rows]
    if b"null" in found:
        found = [None if text == b"null" else text for text in found]
    return arrow.array(found, pa.string())


def _of_rows(rows: list[dict[str, Any]], texts: Array) -> dict[str, Array]:
    columns: dict[str, list[Array]] = {name: [] for name in _COLUMNS}
    for start in range(0, len(rows), _NEAR):  # what one column touches is still near for the next
        near = rows[start : start + _NEAR]
        for name, kind in _COLUMNS.items():
            columns[name].append(_column(near, name, kind))
    found = {name: arrow.concat(parts) for name, parts in columns.items()}
    day = pa.date32()
    return {
        "start": arrow.cast(found["start"], day),
        "end": arrow.cast(found["end"], day),
        "value": arrow.cast(texts, pa.float64()),
        "value_text": texts,
        "fy": found["fy"],
        "fp": found["fp"],
        "form": found["form"],
        "accession": found["accn"],
        "filed": arrow.cast(found["filed"], day),
        "frame": found["frame"],
        "is_amendment": arrow.fill_null(arrow.ends_with(found["form"], "/A"), False),
    }


def _column(rows: list[dict[str, Any]], name: str, kind: pa.DataType) -> Array:
    if name not in _OPTIONAL:
        with suppress(KeyError):
            return arrow.array([*map(itemgetter(name), rows)], kind)
    return arrow.array([row.get(name) for row in rows], kind)


def _of_runs(runs: list[tuple[str, str, str, list[dict[str, Any]]]]) -> dict[str, Array]:
    places = np.repeat(np.arange(len(runs)), [len(rows) for *_, rows in runs])
    names = ("taxonomy", "concept", "unit")
    return {
        name: arrow.take(arrow.array([run[i] for run in runs], pa.string()), places)
        for i, name in enumerate(names)
    }


def _of_answer(answer: dict[str, Any], name: str, count: int) -> dict[str, Array]:
    cik = answer.get("cik")
    constants = {
        "cik": None if cik is None else int(cik),
        "entity": answer.get("entityName"),
        "source": "companyfacts",
        "document": name,
        "is_exact": False,
    }
    empty = arrow.array([], pa.string())
    offsets = arrow.array(np.zeros(count + 1, np.int32))
    cells = {
        name: arrow.repeat(value, count, kind_of_column(name)) for name, value in constants.items()
    }
    for column in ("ticker", "decimals", "accepted", "context", "fact_id"):
        cells[column] = arrow.nulls(count, kind_of_column(column))
    cells["seq"] = arrow.array(np.arange(count, dtype=np.int32))
    maps: Any = pa.MapArray
    return cells | {"dims": maps.from_arrays(offsets, empty, empty).cast(DIMENSIONS)}
