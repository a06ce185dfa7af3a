"""Options that the verbs of `raymill filings` share."""

import sys
from typing import TYPE_CHECKING, Any

from raymill.errors import ConfigError

if TYPE_CHECKING:
    from raymill.app.filings.companies import Filings


def opened(workers: int | None) -> "Filings":
    """The companies of this home; an orchestrator that is started gets so many workers."""
    from raymill.app.filings.companies import Filings
    from raymill.app.workflows import Workflows

    if workers is not None and workers < 1:
        raise ConfigError(f"`--workers` cannot be {workers}", hint="give 1 or more")
    found = Filings(Workflows(workers=workers))
    if workers is not None and found.workflows.is_run():
        sys.stderr.write("an orchestrator runs already: `--workers` is not used\n")
    return found


def how(engine: str) -> dict[str, Any]:
    """How runs are submitted."""
    return {"engine": engine}
