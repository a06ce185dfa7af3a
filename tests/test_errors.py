import pickle

import pytest

from raymill import errors
from raymill.errors import RaymillError, near, unknown

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, RaymillError)
]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_crosses_a_process_border_whole(kind: type[RaymillError]) -> None:
    error = kind("Engine `beam` is not installed", hint="pip install it", line=7)
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is kind
    assert str(back) == back.message == "Engine `beam` is not installed"
    assert back.hint == "pip install it"
    assert back.details == {"line": 7}


# Written down from the style guide: 2 wrong usage, 3 unreachable, 130 interrupted, else 1.
EXIT_CODES = {
    "RaymillError": 1,
    "ConfigError": 2,
    "UnknownName": 2,
    "Conflict": 2,
    "NotFound": 2,
    "TooBusy": 3,
    "AccessDenied": 1,
    "ApiUnavailable": 3,
    "PipelineError": 2,
    "InputError": 2,
    "NotStored": 2,
    "DataError": 1,
    "TaskError": 1,
    "SinkError": 1,
    "CheckpointError": 2,
    "StoreError": 1,
    "StoreUnavailable": 3,
    "Fenced": 1,
    "WorkflowError": 1,
    "Cancelled": 1,
    "SourceError": 3,
    "EngineUnavailable": 3,
    "EngineError": 1,
    "Interrupted": 130,
}


def test_every_error_has_the_exit_code_of_its_kind() -> None:
    assert {kind.__name__: kind.exit_code for kind in KINDS} == EXIT_CODES


def test_near_names_are_offered() -> None:
    assert near("baem", ["beam", "local"]) == "did you mean `beam`?"
    assert near("zzz", ["beam", "local"]) is None


def test_an_unknown_name_lists_what_there_is() -> None:
    error = unknown("engine", "baem", ["local", "beam"])
    assert error.message == "Unknown engine `baem`"
    assert error.hint == "did you mean `beam`? there are: beam, local"


def test_an_unknown_name_among_none_says_so() -> None:
    assert unknown("task", "x", []).hint == "there is none"
