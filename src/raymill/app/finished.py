"""Runs of a series that are done already, so that a resume passes over them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from raymill import json
from raymill.engines.run import Report
from raymill.metrics import Metrics

NAME = "finished"


def keep(folder: str, identity: Mapping[str, Any], report: Report) -> None:
    """Note that a run is done, beside where its checkpoint was."""
    partial = Path(folder) / f"{NAME}.partial"
    partial.write_bytes(json.dumps({"identity": identity, "report": report.to_dict()}))
    partial.replace(Path(folder) / NAME)


def finished(folder: str, identity: Mapping[str, Any]) -> Report | None:
    """The report of a run that is done, if it was the same run and its outputs are still there."""
    try:
        kept = json.loads((Path(folder) / NAME).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    report = kept["report"]
    same = kept["identity"] == json.loads(json.dumps(identity))
    if not same or not all(os.path.exists(path) for path in report["outputs"]):
        return None
    return Report(**{**report, "metrics": Metrics.from_dict(report["metrics"])})


def forget(folder: str) -> None:
    """Forget that a run is done, and its folder if nothing else lies there."""
    (Path(folder) / NAME).unlink(missing_ok=True)
    try:
        os.rmdir(folder)
    except OSError:
        return
