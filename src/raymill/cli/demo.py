"""`raymill demo`: the main jobs on real readings, with a page to look at."""

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from raymill.app.demo import Demo, run_demo
from raymill.cli.failures import DONE, FAILED
from raymill.cli.report import show_json, show_table
from raymill.config.paths import HOME
from raymill.flow.registry import locate

SERVICES = "services"  # the folder of the last part


def demo(
    *,
    keep: bool = False,
    json_: bool = False,
    verbose: Annotated[bool, Parameter(name=["-v", "--verbose"])] = False,
) -> int:
    """Run the main jobs on real readings, on each engine, and write a page that shows the results.

    Everything is written under RAYMILL_HOME/demo. Exit code 1 if something that was to be shown is
    not so.

    Parameters
    ----------
    keep
        Serve the HTTP API of the last part behind that, until it is interrupted.
    json_
        Write the summary as JSON instead of tables.
    verbose
        Show where an error comes from.
    """
    done = run_demo(_say)
    if json_:
        show_json(_as_json(done))
    else:
        _show(done)
    if keep:
        sys.stdout.flush()
        serve_again(done.page.parent / SERVICES)
    return DONE if done.holds else FAILED


def serve_again(folder: Path) -> None:
    """Serve what the last part of the demo served."""
    locate("raymill.config.process:take")({HOME: str(folder)})
    locate("raymill.cli.serve:serve")(demo=True)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _show(done: Demo) -> None:
    out = sys.stdout
    for part in done.parts:
        out.write(f"\n{part.title}\n\n")
        show_table(part.headings, part.rows, stream=out, numbers_from=2)
        out.write("\n")
        for fact in part.facts:
            out.write(f"{'yes' if fact.holds else 'NO ':4}{fact.text}\n")
        for text in part.left_out:
            out.write(f"{'-':4}{text}\n")
        out.write("\n" + "".join(f"{file}\n" for file in part.files))
    out.write(f"{done.page}\n\nDone in {done.elapsed_s:.1f} s\n")


def _as_json(done: Demo) -> dict[str, Any]:
    return {
        "page": str(done.page),
        "elapsed_s": done.elapsed_s,
        "holds": done.holds,
        "parts": [
            {
                "title": part.title,
                "rows": [dict(zip(part.headings, row, strict=True)) for row in part.rows],
                "facts": [{"text": fact.text, "holds": fact.holds} for fact in part.facts],
                "left_out": list(part.left_out),
                "files": [str(file) for file in part.files],
            }
            for part in done.parts
        ],
    }
