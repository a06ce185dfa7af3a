"""What is asked of the runner of strategies, and what it answers."""

from typing import Any

from pydantic import AliasChoices, ConfigDict, Field, model_validator

from raymill.app.market.request import Request, SweepAsked
from raymill.services.service import Model


class RunRequest(Request):
    """A strategy to run over stored bars, or a scanner over stored quotes.

    The parameter `symbol`, or `symbols`, say which bars; all costs are 0 unless given.
    """


class BacktestRequest(Request):
    """A strategy to run over stored bars; its name may be given as `strategy`, too."""

    algorithm_id: str = Field(validation_alias=AliasChoices("algorithm_id", "strategy"))


class SweepRequest(SweepAsked, BacktestRequest):
    """A strategy to run with many parameter sets; `parameters` are those of all sets."""

    def request(self) -> Request:
        """The same as an execution is asked for."""
        given = self.model_dump(exclude_defaults=True)
        asked = {name: given.pop(name) for name in SweepAsked.model_fields if name in given}
        return Request.model_validate(given | {"sweep": asked})


class StopRequest(Model):
    """What to stop: one execution, or all of a strategy."""

    execution_id: str | None = Field(None, max_length=64)
    algorithm_id: str | None = Field(None, max_length=200)

    @model_validator(mode="after")
    def _names_one(self) -> "StopRequest":
        if (self.execution_id is None) == (self.algorithm_id is None):
            raise ValueError("name `execution_id` or `algorithm_id`")
        return self


class ParameterAbout(Model):
    """A parameter of a strategy."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str
    type: str
    default: str


class AlgorithmAbout(Model):
    """A strategy that can be run."""

    id: str
    name: str
    description: str
    kind: str
    how: str
    parameters: list[ParameterAbout]


class ExecutionAbout(Model):
    """Where an execution stands: queued, running, stopping, stopped, completed or failed.

    metrics: its figures by name, once it is completed.
    """

    execution_id: str
    algorithm_id: str
    status: str
    progress: float
    engine: str
    created: str
    started: str | None
    ended: str | None
    asked: dict[str, Any]
    metrics: dict[str, Any] | None
    error: dict[str, Any] | None


class Ran(ExecutionAbout):
    """An execution with what came of it; `result` is none while it goes on."""

    result: dict[str, Any] | None


class ExecutionList(Model):
    """A page of executions, the newest first, and how many there are in each state."""

    executions: list[ExecutionAbout]
    counts: dict[str, int]
    next_before: str | None = None


class Stopped(Model):
    """What was stopped: `stopping` where it has not ended yet."""

    execution_id: str | None
    algorithm_id: str
    status: str
    message: str
    executions: list[str]
