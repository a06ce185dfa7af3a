"""Facts as they are found in documents, and the table that they become."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NamedTuple

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
        kept = self.found if self._are_whole() else [*filter(self._is_whole, self.found)]
        names = list(dict.fromkeys(fact.context for fact in kept))
        contexts = [self.contexts[name] for name in names]
        main = next((context.cik for context in contexts if context.cik is not None), None)
        whole = filing.completed(self.cover, main)
        cells = self._of_facts(kept) | _of_filing(whole, len(kept))
        places = {name: place for place, name in enumerate(names)}
        cells |= self._of_contexts(contexts, [places[fact.context] for fact in kept])
        arrays: list[Any] = [cells[name] for name in FACTS.names]
        return pa.Table.from_arrays(arrays, schema=FACTS)

    def _are_whole(self) -> bool:
        contexts = {fact.context for fact in self.found}
        units = {fact.unit for fact in self.found}
        return contexts <= self.contexts.keys() and units <= self.units.keys()

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

    def _of_facts(self, kept: list[Found]) -> dict[str, Array]:
        whole = list(zip(*kept, strict=True)) or [()] * len(Found._fields)
        cells: dict[str, Any] = dict(zip(Found._fields, whole, strict=True))
        texts = cells.pop("text")
        cells["unit"] = [self.units[unit] for unit in cells["unit"]]
        cells |= {"value": [_float(text) for text in texts], "value_text": texts}
        cells["seq"] = range(len(kept))
        return {name: arrow.array(found, kind_of_column(name)) for name, found in cells.items()}

    def _of_contexts(self, contexts: list[Context], places: list[int]) -> dict[str, Array]:
        cells: dict[str, Any] = {
            "start": [context.start for context in contexts],
            "end": [context.end for context in contexts],
            "dims": [usual_dims(context.dims, self.names) for context in contexts],
        }
        at = arrow.array(places, pa.int32())
        return {
            name: arrow.take(arrow.array(found, kind_of_column(name)), at)
            for name, found in cells.items()
        } | {
            "frame": arrow.nulls(len(places), pa.string()),
            "source": arrow.repeat(self.source, len(places), pa.string()),
        }


def _float(text: str | None) -> float | None:
    value = None if text is None else float(text)
    return value if value is not None and isfinite(value) else None


def _of_filing(filing: Filing, count: int) -> dict[str, Array]:
    names = ("cik", "entity", "ticker", "fy", "fp", "form", "accession", "filed", "accepted")
    cells = {name: getattr(filing, name) for name in names}
    cells["is_amendment"] = bool(filing.is_amendment)
    return {name: arrow.repeat(value, count, kind_of_column(name)) for name, value in cells.items()}
