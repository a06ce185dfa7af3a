"""Test your own tasks, sources, workflows, engines and stores with what raymill tests its own
with."""

from raymill.app.workbench import Workbench, run_workflow
from raymill.testing.crashes import Crash, crash_at_every_point
from raymill.testing.crew import CrewRunner
from raymill.testing.faultplan import FaultPlan
from raymill.testing.market import Answers, check_pages
from raymill.testing.memory_store import MemoryStore
from raymill.testing.replay import Asked, Recorded, ReplayServer
from raymill.testing.simulation import SimCluster, Simulated
from raymill.testing.source import ABORT, CUT, Aborted, TestingSource
from raymill.testing.task_suite import Outcome, check_task, outcome

__all__ = [
    "ABORT",
    "CUT",
    "Aborted",
    "Answers",
    "Asked",
    "Crash",
    "CrewRunner",
    "FaultPlan",
    "MemoryStore",
    "Outcome",
    "Recorded",
    "ReplayServer",
    "SimCluster",
    "Simulated",
    "TestingSource",
    "Workbench",
    "check_pages",
    "check_task",
    "crash_at_every_point",
    "outcome",
    "run_workflow",
]
