"""Options of commands that start runs and follow them: who runs the steps."""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cyclopts import Parameter

from raymill.errors import ConfigError

if TYPE_CHECKING:
    from raymill.app.workflows import Workflows


@Parameter(name="*")
@dataclass(frozen=True)
class WhoOptions:
    """Who runs the steps.

    Parameters
    ----------
    engine
        Whose workers run the steps: local, ray, or another that is installed.
    workers
        Steps that run at a time, where an orchestrator is started.
    """

    engine: str = "local"
    workers: int | None = None

    def how(self) -> dict[str, Any]:
        """How runs are submitted."""
        return {"engine": self.engine}

    def workflows(self) -> "Workflows":
        """The runs of this home; an orchestrator that is started gets so many workers."""
        from raymill.app.workflows import Workflows

        if self.workers is not None and self.workers < 1:
            raise ConfigError(f"`--workers` cannot be {self.workers}", hint="give 1 or more")
        found = Workflows(workers=self.workers)
        if self.workers is not None and found.is_run():
            sys.stderr.write("an orchestrator runs already: `--workers` is not used\n")
        return found


ANYBODY = WhoOptions()
