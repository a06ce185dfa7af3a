import subprocess
import sys
from collections.abc import Callable

import pytest

from raymill import __version__, errors
from raymill.cli import app, main
from raymill.cli.commands import COMMANDS

HEAVY = ["ray", "fastapi", "pyarrow", "numba", "numpy", "structlog", "pydantic_settings", "rich"]


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], [], ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from raymill.cli import main; code = main(sys.argv[1:]);"
        f"print([name for name in {HEAVY} if name in sys.modules], code)"
    )
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] 0"


def test_help_names_every_command_that_is_not_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    for command in COMMANDS:
        assert (command.name in out) is not command.hidden
        assert command.hidden or command.text in out


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"raymill {__version__}\n"


def test_a_module_run_is_the_command() -> None:
    command = [sys.executable, "-m", "raymill", "--version"]
    assert subprocess.run(command, capture_output=True, check=True).stdout.startswith(b"raymill ")


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["dotcor"], "Unknown command `dotcor`", "did you mean `doctor`?"),
        (["config", "shwo"], "Unknown command `config shwo`", "did you mean `config show`?"),
        (["config", "show", "--jsn"], "Unknown option: --jsn", "did you mean --json?"),
        (["config", "show", "more"], "Unused Tokens: ['more']", "see raymill config show --help"),
    ],
)
def test_wrong_usage_is_two_with_a_hint(
    arguments: list[str], message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    first, second = err.splitlines()
    assert first == f"error: {message}"
    assert second.startswith(f"hint: {hint}")


def raising(error: BaseException) -> Callable[..., None]:
    def call(_: object) -> None:
        raise error

    return call


ENDINGS = [
    (errors.DataError("`a.gz` breaks off", hint="fetch it anew"), 1),
    (errors.InputError("`a.csv` does not exist"), 2),
    (errors.EngineUnavailable("no cluster at `x`"), 3),
    (errors.Interrupted("interrupted", hint="go on with --resume"), 130),
]


@pytest.mark.parametrize(("error", "code"), ENDINGS)
def test_an_error_ends_with_its_code_and_its_hint(
    error: errors.RaymillError,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(app, "call", raising(error))
    assert main(["run"]) == code
    hint = f"\nhint: {error.hint}" if error.hint else ""
    assert capsys.readouterr().err == f"error: {error.message}{hint}\n"


def test_an_interrupt_is_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app, "call", raising(KeyboardInterrupt()))
    assert main(["run"]) == 130
    assert capsys.readouterr().err == "error: interrupted\n"


def test_a_bug_is_one_line_and_a_traceback_only_when_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app, "call", raising(ZeroDivisionError("division by zero")))
    assert main(["run"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "error: ZeroDivisionError: division by zero",
        "hint: run it again with -v to see where",
    ]
    assert main(["run", "-v"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_missing_extra_is_three_and_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = ModuleNotFoundError("No module named 'deltalake'", name="deltalake.table")
    monkeypatch.setattr(app, "call", raising(missing))
    assert main(["run"]) == 3
    assert capsys.readouterr().err.splitlines() == [
        "error: `deltalake` is not installed",
        "hint: pip install 'raymill[lakehouse]'",
    ]


def test_a_module_that_no_extra_brings_is_a_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = ModuleNotFoundError("No module named 'raymill.x'", name="raymill.x")
    monkeypatch.setattr(app, "call", raising(missing))
    assert main(["run"]) == 1
    assert "No module named 'raymill.x'" in capsys.readouterr().err


def test_a_number_that_a_command_returns_is_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "call", lambda _: 1)
    assert main(["doctor"]) == 1
    monkeypatch.setattr(app, "call", lambda _: None)
    assert main(["doctor"]) == 0


@pytest.mark.system
def test_a_closed_pipe_ends_quietly() -> None:
    command = f"{sys.executable} -m raymill config show --json | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("0\n", "")
