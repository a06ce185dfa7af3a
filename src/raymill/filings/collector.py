"""Facts as they are found in documents, and the table that they become."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NamedTuple

import pyarrow as pa

from raymill.errors import DataError
from raymill.filings.context import Context, taxonomy_of, usual_dims
from raymill.filings.filing import Filing
from raymill.filings.schema import DIMENSIONS, FACTS

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

    def add(self, fact: Found) -> None:
        """Keep a fact. Raises DataError beyond the bound."""
        if len(self.found) >= MOST_FACTS:
            raise DataError(f"`{fact.document}` holds more than {MOST_FACTS:,} facts")
        self.found.append(fact)

    def refuse(self, document: str, concept: str, fact_id: str | None, reason: object) -> None:
        """Note that a fact could not be read."""
        self.problems.append(Problem(document, concept, fact_id, str(reason)))

    def table(self, filing: Filing) -> pa.Table:
        """All facts whose context and unit are there, as rows."""
        kept = [fact for fact in self.found if self._is_whole(fact)]
        contexts = [self.contexts[fact.context] for fact in kept]
        main = next((context.cik for context in contexts if context.cik is not None), None)
        whole = filing.completed(self.cover, main)
        cells = self._cells(kept, contexts) | _constant(whole, len(kept))
        cells["cik"] = [context.cik if whole.cik is None else whole.cik for context in contexts]
        arrays: list[Any] = [pa.array(cells[name], FACTS.field(name).type) for name in FACTS.names]
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

    def _cells(self, kept: list[Found], contexts: list[Context]) -> dict[str, Any]:
        names = self.names
        dims = {id(c): list(usual_dims(c.dims, names)) for c in contexts}
        return {
            "taxonomy": [fact.taxonomy for fact in kept],
            "concept": [fact.concept for fact in kept],
            "unit": [self.units[fact.unit] for fact in kept],
            "start": [context.start for context in contexts],
            "end": [context.end for context in contexts],
            "value": [_float(fact.text) for fact in kept],
            "value_text": [fact.text for fact in kept],
            "decimals": [fact.decimals for fact in kept],
            "is_exact": [fact.is_exact for fact in kept],
            "dims": pa.array([dims[id(context)] for context in contexts], DIMENSIONS),
            "frame": [None] * len(kept),
            "source": [self.source] * len(kept),
            "seq": range(len(kept)),
            "document": [fact.document for fact in kept],
            "context": [fact.context for fact in kept],
            "fact_id": [fact.fact_id for fact in kept],
        }


def _float(text: str | None) -> float | None:
    value = None if text is None else float(text)
    return value if value is not None and isfinite(value) else None


def _constant(filing: Filing, count: int) -> dict[str, Any]:
    names = ("entity", "ticker", "fy", "fp", "form", "accession", "filed", "accepted")
    cells = {name: [getattr(filing, name)] * count for name in names}
    return cells | {"is_amendment": [bool(filing.is_amendment)] * count}
