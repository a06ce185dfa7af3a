"""Test your own tasks, sources and engines with what raymill tests its own with."""

from raymill.testing.crew import CrewRunner
from raymill.testing.source import ABORT, CUT, Aborted, TestingSource
from raymill.testing.task_suite import Outcome, check_task, outcome

__all__ = [
    "ABORT",
    "CUT",
    "Aborted",
    "CrewRunner",
    "Outcome",
    "TestingSource",
    "check_task",
    "outcome",
]
