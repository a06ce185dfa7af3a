"""Tells values that belong to a set from foreign ones, with a filter made before."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill.errors import ConfigError
from raymill.flow import Answer, Kind, Outside, Port, Rows, Skip, Spec, State, Task, task
from raymill.tasks import bloom
from raymill.tasks.properties import Names, listed

FOREIGN = Skip("not in the filter")
MARK = "might_contain"


@task(
    "bloom_filter_check",
    properties={
        "FILTER.BLOOM_FILTER.MODEL_PATH": "model",
        "FILTER.MULTI_BLOOM_FILTER.MODEL_PATH_LIST": "models",
        "FILTER.MULTI_BLOOM_FILTER.USE_MSG_FIELD_LIST": "fields",
    },
)
@dataclass(frozen=True)
class BloomFilterCheck(Task):
    """Say whether a value may be one of those that a Bloom filter was made of.

    RIoTBench's BloomFilterCheck and, with several filters, MultipleBloomFilterCheck. Adds
    `might_contain`: false means certainly not; true is wrong for about the ratio of foreign values
    that the filter was made for. With `drop=true` nothing is added and foreign records are skipped.

    model: the file that `bloom_filter_train` wrote (jsonl, parquet or arrow).
    models: several, as a mapping of field to file: of these fields the first that the input has
        decides, and if it has none the record passes. Goes before `model`.
    fields: the fields, where `models` is a list of files.
    drop: skip foreign records instead of marking them.

    >>> import tempfile
    >>> from raymill.json import dumps
    >>> from raymill.tasks.bloom_filter_train import BloomFilterTrain
    >>> made = BloomFilterTrain.declared.try_out([{"value": "s1"}], expected_insertions=100)
    >>> with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
    ...     _ = file.write(dumps(made[0])), file.flush()
    ...     BloomFilterCheck.declared.try_out([{"value": "s1"}, {"value": "s9"}], model=file.name)
    [{'value': 's1', 'might_contain': True}, {'value': 's9', 'might_contain': False}]
    """

    model: Annotated[str, Outside("file")] = ""
    models: Annotated[Mapping[str, str] | Names, Outside("file")] = ()
    fields: Names = ()
    drop: bool = False

    @cached_property
    def paths(self) -> dict[str, str]:
        """The filter's file for each field that is looked at. Raises ConfigError."""
        if isinstance(self.models, Mapping) and self.models:
            return dict(self.models)
        files = () if isinstance(self.models, Mapping) else listed(self.models)
        names = listed(self.fields)
        if len(files) != len(names):
            raise ConfigError(
                f"Parameter `models` lists {len(files)} files for {len(names)} fields",
                hint="give a mapping of field to file, or `fields` of the same length",
            )
        if files:
            return dict(zip(names, files, strict=True))
        if not self.model:
            raise ConfigError(
                "Task `bloom_filter_check` needs a filter",
                hint="--set model=FILE, made by bloom_filter_train",
            )
        return {"value": self.model}

    @cached_property
    def _filters(self) -> dict[str, tuple[NDArray[np.uint64], int]]:
        return {name: bloom.load(path) for name, path in self.paths.items()}

    def spec(self) -> Spec:
        """Read the field, or those of several that are there."""
        port = Port(Kind.HASH, optional=bool(self.models))
        return Spec(
            reads=dict.fromkeys(self.paths, port),
            adds=pa.schema([]) if self.drop else pa.schema([(MARK, pa.bool_())]),
            outcomes=(FOREIGN,) if self.drop else (),
        )

    def open(self) -> None:
        """Load the filters."""
        _ = self._filters

    def apply(self, rows: Rows, state: State | None) -> Answer:
        """Look the hashes up."""
        found = np.ones(len(rows), np.bool_)
        name = next((name for name in self.paths if name in rows), None)
        if name is not None:
            words, probes = self._filters[name]
            bloom.contains(rows[name], words, probes, found)
        return Answer({}, (~found).view(np.uint8)) if self.drop else Answer({MARK: found})
