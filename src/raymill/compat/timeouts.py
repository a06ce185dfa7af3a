"""The error of a time that is over, which those catch who know Ray's."""

from ray.exceptions import GetTimeoutError

from raymill.errors import WorkflowError
from raymill.filings.status import ProcessingState


class StillRunning(WorkflowError, GetTimeoutError):  # type: ignore[misc]
    """A ticker did not end in the time that was given. Its run goes on."""


def still_running(state: ProcessingState, timeout_s: float) -> StillRunning:
    """The error of a ticker that has not ended."""
    return StillRunning(
        f"`{state.ticker}` did not end in {timeout_s:g} s: it is {state.status.value}",
        hint="nothing is lost, its run goes on: give it a longer timeout, ask again with "
        f"wait_for_completion, or look with raymill filings status {state.ticker}",
        ticker=state.ticker,
        status=state.status.value,
    )
