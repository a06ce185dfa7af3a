"""Facts as they are found in documents, and the table that they become."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.arrow import Array
from raymill.errors import DataError
from raymill.filings.context import Context, read_context, taxonomy_of, usual_dims
from raymill.filings.filing import Filing
from raymill.filings.markup import Element
from raymill.filings.schema import FACTS, kind_of_column

MOST_FACTS = 2_000_000  # of one filing
COVER = {
    "EntityRegistrantName",
    "EntityCentralIndexKey",
    "TradingSymbol",
    "DocumentType",
    "AmendmentFlag",
    "DocumentFiscalYearFocus",
    "DocumentFiscalPeriodFocus",
}


class Problem(NamedTuple):
    """A fact that could not be read, and why."""

    document: str
    concept: str
    fact_id: str | None
    reason: str


class Found(NamedTuple):
    """A fact before its context and unit are known."""

    document: str
    taxonomy: str
    concept: str
    context: str
    unit: str
    text: str | None  # None for a fact that says there is none
    decimals: int | None
    is_exact: bool
    fact_id: str | None


@dataclass
class Collector:
    """What the documents of one filing hold."""

    source: str
    found: list[Found] = field(default_factory=list)
    contexts: dict[str, Context] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # prefix -> usual short name
    cover: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def learn(self, namespaces: Iterable[tuple[str | None, str]]) -> None:
        """Note what the prefixes of a document mean."""
        for prefix, uri in namespaces:
            if prefix:
                self.names[prefix] = taxonomy_of(uri, prefix)

    def learn_context(self, element: Element, document: str) -> None:
        """Note a context; facts of one whose dates are none are refused."""
        name = element.get("id", "")
        try:
            self.contexts[name] = read_context(element)
        except ValueError as error:
            self.refuse(document, f"context {name}", name, error)

    def add(self, fact: Found, before: int = 0) -> None:
        """Keep a fact, before the last ones. Raises DataError beyond the bound."""
        if len(self.found) >= MOST_FACTS:
            raise DataError(f"`{fact.document}` holds more than {MOST_FACTS:,} facts")
        if before:
            self.found.insert(len(self.found) - before, fact)
        else:
            self.found.append(fact)

    def refuse(self, document: str, concept: str, fact_id: str | None, reason: object) -> None:
        """Note that a fact could not be read."""
        self.problems.append(Problem(document, concept, fact_id, str(reason)))

    def table(self, filing: Filing) -> pa.Table:
        """All facts whose context and unit are there, as rows."""
        cells = _columns(self.found)
        if not (
            self.contexts.keys() >= {*cells["context"]} and self.units.keys() >= {*cells["unit"]}
        ):
            cells = _columns([*filter(self._is_whole, self.found)])
        count = len(cells["context"])
        names = list(dict.fromkeys(cells["context"]))
        contexts = [self.contexts[name] for name in names]
        main = next((context.cik for context in contexts if context.cik is not None), None)
        columns = _of_filing(filing.completed(self.cover, main), self.source, count)
        columns |= self._of_contexts(contexts, names, cells.pop("context"))
        columns |= self._of_facts(cells)
        arrays: list[Any] = [columns[name] for name in FACTS.names]
        return pa.Table.from_arrays(arrays, schema=FACTS)

    def _is_whole(self, fact: Found) -> bool:
        for what, name, known in (
            ("context", fact.context, self.contexts),
            ("unit", fact.unit, self.units),
        ):
            if name not in known:
                reason = f"{what} `{name[:40]}` is not declared"
                self.refuse(fact.document, fact.concept, fact.fact_id, reason)
                return False
        return True

    def _of_facts(self, cells: dict[str, Any]) -> dict[str, Array]:
        texts = arrow.array(cells.pop("text"), pa.string())
        cells["unit"] = [*map(self.units.__getitem__, cells["unit"])]
        cells["seq"] = np.arange(len(texts), dtype=np.int32)
        columns = {name: arrow.array(found, kind_of_column(name)) for name, found in cells.items()}
        return columns | {"value_text": texts, "value": _floats(texts)}

    def _of_contexts(
        self, contexts: list[Context], names: list[str], of_facts: list[str]
    ) -> dict[str, Array]:
        places = {name: place for place, name in enumerate(names)}
        at = arrow.array([*map(places.__getitem__, of_facts)], pa.int32())
        renamed = any(prefix != usual for prefix, usual in self.names.items())
        cells: dict[str, Any] = {
            "context": names,
            "start": [context.start for context in contexts],
            "end": [context.end for context in contexts],
            "dims": [
                usual_dims(context.dims, self.names) if renamed else context.dims
                for context in contexts
            ],
        }
        return {
            name: arrow.take(arrow.array(found, kind_of_column(name)), at)
            for name, found in cells.items()
        }


def _columns(facts: list[Found]) -> dict[str, Any]:
    return {name: [*map(itemgetter(i), facts)] for i, name in enumerate(Found._fields)}


def _floats(texts: Array) -> Array:
    """The nearest floats; a number beyond them is null, and stays as text."""
    try:
        values = arrow.cast(texts, pa.float64())
    except pa.ArrowInvalid:
        values = arrow.array([*map(_float, texts.to_pylist())], pa.float64())
    finite = arrow.is_finite(values)
    return values if arrow.all_true(finite) else arrow.keep_if(values, finite)


def _float(text: str | None) -> float | None:
    return None if text is None else float(text)


def _of_filing(filing: Filing, source: str, count: int) -> dict[str, Array]:
    names = ("cik", "entity", "ticker", "fy", "fp", "form", "accession", "filed", "accepted")
    cells = {name: getattr(filing, name) for name in names}
    cells |= {"is_amendment": bool(filing.is_amendment), "source": source, "frame": None}
    return {name: arrow.repeat(value, count, kind_of_column(name)) for name, value in cells.items()}
