"""An orchestrator of tests: does in this process what is submitted to algorunner."""

import threading

from raymill.app.market.execute import execute
from raymill.app.workflows import Workflows
from raymill.flow.pool import StepContext


def work(over: threading.Event) -> None:
    """Do what is submitted until it is over, and then once more."""
    done = set[str]()
    with Workflows() as workflows:
        while True:
            is_last = over.is_set()
            for run in workflows.ls(status="submitted"):
                if run.id not in done:
                    execute(run.input, StepContext(run=run.id))
                    done.add(run.id)
            if is_last:
                return
            over.wait(0.02)
