"""An inline document read in a process of its own; answers with a JSON line about its memory."""

import sys
from pathlib import Path

from raymill import json
from raymill.config.process import settle

settle()  # as the command line does, before Arrow is loaded

from raymill.filings.document import Document, read_document  # noqa: E402
from raymill.filings.extract import extract  # noqa: E402

_TINY = b"""<html xmlns="http://www.w3.org/1999/xhtml" xmlns:ix="http://www.xbrl.org/2013/inlineXBRL">
<body><ix:header/></body></html>"""


def main(path: str) -> None:
    """Read one document after a tiny one, which loads all that is loaded when used."""
    extract(Document("tiny.htm", _TINY))
    before = peak_mb()
    facts = extract(read_document(path)).facts.num_rows
    told = {"facts": facts, "grown_mb": peak_mb() - before}
    sys.stdout.write(json.dumps(told).decode() + "\n")


def peak_mb() -> float:
    """The most memory that this process had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main(*sys.argv[1:])
