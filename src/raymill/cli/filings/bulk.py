"""`raymill filings bulk`: the companyfacts of all companies, out of one file."""

import sys
from pathlib import Path
from typing import Any

from raymill import json
from raymill.cli.failures import DONE, FAILED
from raymill.errors import InputError


def bulk(
    file: str,
    *,
    engine: str = "local",
    workers: int | None = None,
    json_: bool = False,
) -> int:
    """Store the facts of every company in a bulk file of companyfacts.

    The file is read in pieces, member by member, and nothing is unpacked to the disk. How far a
    piece is, is saved, so that after a kill it goes on there. Companies that are stored as the file
    has them are passed over. Where the documents of a filing were read, those go before. Exit code
    1 if an answer cannot be read; each is named.

    Parameters
    ----------
    file
        The SEC's companyfacts.zip.
    engine
        Whose workers run the steps: local, ray, or another that is installed.
    workers
        Steps that run at a time, where an orchestrator is started.
    json_
        Write the result as JSON.
    """
    from raymill.app.filings.flows import BULK
    from raymill.app.filings.once import one_at_a_time
    from raymill.cli.filings.options import how, opened
    from raymill.cli.filings.pieces import result

    path = Path(file).expanduser().absolute()
    if not path.is_file():
        raise InputError(f"File `{file}` does not exist", hint="name the SEC's companyfacts.zip")
    status = path.stat()
    asked = {"file": str(path), "size": status.st_size, "changed_ns": status.st_mtime_ns}
    with opened(workers) as filings:
        place, name = "raymill.app.filings:BULK", f"bulk {path}"
        given = (filings.workflows, filings.ledger, BULK, place, name, asked)
        run, _ = one_at_a_time(*given, **how(engine))
        done = result(filings.workflows, run, "piece")
    return _told(done, json_)


def _told(done: dict[str, Any], as_json: bool) -> int:
    if as_json:
        sys.stdout.write(json.dumps(done, indent=True).decode() + "\n")
    else:
        counts = [f"{done[name]:,} {name}" for name in ("companies", "facts", "unchanged")]
        sys.stdout.write(", ".join(counts) + "\n")
    for failure in done["failures"]:
        sys.stderr.write(f"{failure['name']} failed: {failure['message']}\n")
    return FAILED if done["failures"] else DONE
