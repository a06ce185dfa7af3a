"""`raymill filings bulk`: the companyfacts of all companies, out of one file."""

import sys
from pathlib import Path
from typing import Any

from raymill.cli.failures import DONE, FAILED
from raymill.cli.report import show_json
from raymill.cli.who_options import ANYBODY, WhoOptions
from raymill.errors import InputError


def bulk(
    file: str,
    *,
    who: WhoOptions = ANYBODY,
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
    json_
        Write the result as JSON.
    """
    from raymill.app.filings.flows import BULK
    from raymill.app.filings.once import one_at_a_time
    from raymill.cli.filings.options import opened
    from raymill.cli.filings.pieces import result

    path = Path(file).expanduser().absolute()
    if not path.is_file():
        raise InputError(f"File `{file}` does not exist", hint="name the SEC's companyfacts.zip")
    status = path.stat()
    asked = {"file": str(path), "size": status.st_size, "changed_ns": status.st_mtime_ns}
    with opened(who) as filings:
        place, name = "raymill.app.filings:BULK", f"bulk {path}"
        given = (filings.workflows, filings.ledger, BULK, place, name, asked)
        run, _ = one_at_a_time(*given, **who.how())
        done = result(filings.workflows, run, "piece")
    return _told(done, json_)


def _told(done: dict[str, Any], as_json: bool) -> int:
    if as_json:
        show_json(done)
    else:
        counts = [f"{done[name]:,} {name}" for name in ("companies", "facts", "unchanged")]
        sys.stdout.write(", ".join(counts) + "\n")
    for failure in done["failures"]:
        sys.stderr.write(f"{failure['name']} failed: {failure['message']}\n")
    return FAILED if done["failures"] else DONE
