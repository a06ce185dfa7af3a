"""What is asked of tasks over HTTP, and what they answer."""

from typing import Any

from pydantic import ConfigDict, Field

from raymill.services.service import Model


class TaskAbout(Model):
    """An installed task."""

    name: str
    text: str
    package: str


class TaskWhole(Model):
    """A task: what it reads, adds and keeps; `schema` is the JSON schema of its parameters.

    `refused` names parameters that cannot be set over HTTP: they name a file or code.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str
    description: str
    refused: dict[str, str]


class TaskRequest(Model):
    """Records for a task, and how it is to read them.

    `field`: the column that it reads, where that is not called as the task calls it; `key`: the
    columns that tell keys apart; `output`: what the added column is called.
    """

    records: list[dict[str, Any]] = Field(min_length=1)
    parameters: dict[str, Any] = Field(default_factory=dict)
    field: str | None = Field(None, min_length=1, max_length=200)
    key: list[str] = Field(default_factory=list, max_length=16)
    output: str | None = Field(None, min_length=1, max_length=200)


class Emitted(Model):
    """A record that came out; `record` is the number of the one that it answers, null at the end
    of the input."""

    record: int | None
    value: dict[str, Any]


class Reasoned(Model):
    """A record that did not come out, and why."""

    record: int
    reason: str


class TaskAnswer(Model):
    """What became of each record; `held` counts those that had nothing to answer (yet)."""

    task: str
    records: int
    emitted: list[Emitted]
    skipped: list[Reasoned]
    failed: list[Reasoned]
    held: int
