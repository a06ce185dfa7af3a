"""SenML texts taken apart into columns."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa

from raymill.connectors.senml.fields import Layout, learn_fields, read_fields
from raymill.connectors.senml.library import (
    LAST,
    UNKNOWN_NAME,
    BadRecord,
    read_elements,
    reasons,
)
from raymill.errors import PipelineError
from raymill.flow import Answer, Fail, Kind, Port, Rows, Spec, State, Task, task
from raymill.flow.column_task import Column
from raymill.tasks.properties import fields as bind_fields

if TYPE_CHECKING:
    from raymill.connectors.senml.parse import Parsed, Parser

TIME = "timestamp"
_SAMPLE = 1000


@task("senml_parse", properties={"PARSE.SENML.USE_MSG_FIELD": bind_fields})
@dataclass(frozen=True)
class SenmlParse(Task):
    """Take a SenML text apart: a column for each element, and `timestamp`, its base time.

    RIoTBench's SenMLParse. The text is `{"bt": time, "e": [{"n": name, "v" or "sv": value}, ...]}`;
    `v` is a number or the text of one and wins over `sv`, the last of a name wins, an element
    without `n` is called `bn`, `bv` is added to `v`, `vb` is 1 or 0, units are dropped. A record
    without the element of a column has null there. What is no SenML record, or has an element that
    the columns do not foresee, fails.

    fields: names and types of the elements, `name` or `name:number` (a number) or `name:text`;
        unless given, they are learned from the first records.
    unknown: `fail` a record with an element that is no field, or `drop` such elements.
    rfc: put the base name `bn` before each name, as RFC 8428 says.
    element_time: add a column `NAME_time` for each element: `bt` and its own `t` (slow: the library
        reads each record).

    >>> text = '{"e":[{"n":"light","v":"7.5"}],"bt":1422748800000}'
    >>> SenmlParse.declared.try_out([{"senml": text}], fields="light")
    [{'timestamp': 1422748800000, 'light': 7.5}]
    """

    fields: str | tuple[str, ...] = ()
    unknown: Literal["fail", "drop"] = "fail"
    rfc: bool = False
    element_time: bool = False

    def learn(self, sample: pa.RecordBatch) -> "SenmlParse":
        """Learn the fields from the first records, unless they were given."""
        if self.fields or "senml" not in sample.schema.names:
            return self
        found = []
        for text in sample.column("senml").slice(0, _SAMPLE).to_pylist():
            try:
                found.append(read_elements(text or "", self.rfc)[1])
            except BadRecord:
                continue
        return replace(self, fields=tuple(str(field) for field in learn_fields(found)))

    @cached_property
    def layout(self) -> Layout:
        """What the records look like. Raises ConfigError, PipelineError."""
        fields = read_fields(self.fields)
        if any(field.name == TIME for field in fields):
            raise PipelineError(f"An element is called `{TIME}`, as the column of the base time")
        return Layout(fields, unknown=self.unknown, rfc=self.rfc, element_time=self.element_time)

    def spec(self) -> Spec:
        """Read the text and drop it; add the time and the fields."""
        return Spec(
            reads={"senml": Port(Kind.TEXT)},
            adds=pa.schema([pa.field(TIME, pa.int64()), *self.layout.schema]),
            drops=frozenset({"senml"}),
            outcomes=reasons(self.layout),
        )

    @cached_property
    def _parser(self) -> "Parser":
        from raymill.connectors.senml.parse import Parser

        return Parser(self.layout)

    def open(self) -> None:
        """Load the compiled scanner."""
        _ = self._parser

    def apply(self, rows: Rows, state: State | None) -> Answer:
        """Parse the texts."""
        parsed = self._parser.parse_texts(rows["senml"])
        columns: dict[str, Column] = {TIME: parsed.time, **parsed.columns}
        if not parsed.code.any():
            return Answer(columns)
        return Answer(columns, parsed.code, outcomes=_name_unknown(parsed, reasons(self.layout)))


def _name_unknown(parsed: "Parsed", known: tuple[Fail, ...]) -> tuple[Fail, ...]:
    """Give records with an element that is no field a reason that names it, while codes last."""
    outcomes = list(known)
    for row in np.flatnonzero(parsed.code == UNKNOWN_NAME).tolist():
        named = Fail(f"{known[UNKNOWN_NAME - 1].reason}: {parsed.details[row]}")
        if named not in outcomes:
            if len(outcomes) == LAST:
                continue
            outcomes.append(named)
        parsed.code[row] = outcomes.index(named) + 1
    return tuple(outcomes)
