"""What `import raymill` offers, and that it stays light."""

import subprocess
import sys

import pytest

import raymill


def test_importing_raymill_loads_nothing_heavy() -> None:
    heavy = ["ray", "numba", "numpy", "pyarrow", "pydantic", "rich", "cyclopts", "orjson"]
    code = f"import raymill, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_pipeline_runs_with_what_the_package_offers() -> None:
    @raymill.task
    def celsius(fahrenheit: float) -> float:
        return (fahrenheit - 32) / 1.8

    out: list[object] = []
    report = raymill.run(raymill.read([{"fahrenheit": 212.0}]).then(celsius).write(out))
    assert out == [{"fahrenheit": 212.0, "value": 100.0}]
    assert report.records_in == 1


@pytest.mark.system
def test_workflows_are_declared_and_run_without_arrow() -> None:
    code = (
        "import sys, raymill.app.orchestrate, raymill.app.market\n"
        "from raymill import Step, Workflow\n"
        "print([name for name in ('numpy', 'pyarrow') if name in sys.modules])\n"
        "from raymill.flow import task\n"
        "print(task.__name__, callable(task))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\ntask True\n"


@pytest.mark.system
def test_a_run_on_the_local_engine_does_not_load_ray() -> None:
    code = (
        "import raymill, sys\n"
        "raymill.run(raymill.read([{'a': 1.0}]).then('noop').write([]))\n"
        "print('ray' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_every_name_that_is_offered_is_there() -> None:
    assert set(raymill.__all__) <= set(dir(raymill))
    assert all(getattr(raymill, name) is not None for name in raymill.__all__)


def test_the_stub_names_what_is_offered() -> None:
    stub = (sys.modules["raymill"].__file__ or "") + "i"
    with open(stub, encoding="utf-8") as file:
        lines = file.read().splitlines()
    named = {line.rpartition(" as ")[2] for line in lines if " as " in line}
    assert named == set(raymill.__all__) - {"__version__"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no `taks`"):
        raymill.taks  # noqa: B018
