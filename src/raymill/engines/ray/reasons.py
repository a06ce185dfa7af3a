"""Why an attempt on Ray came to nothing, as its error in the journal."""

from raymill import json
from raymill.flow.pool import OUT_OF_MEMORY
from raymill.flow.workflow import Resources

REPORT = 4000  # characters of what Ray says
LOST = "WorkerLost"


def error(kind: str, message: str, **more: str) -> bytes:
    """An error as JSON."""
    return json.dumps({"type": kind, "message": message, **more})


def of_ray(worker: str, kind: str, text: str) -> bytes:
    """What Ray says of a worker that is gone, with its report as it is."""
    report = text.strip()[:REPORT]
    if kind == "OutOfMemoryError":
        message = f"the node of worker `{worker}` ran out of memory"
        return error(OUT_OF_MEMORY, message, report=report)
    return error(LOST, f"worker `{worker}` went away", report=report)


def silent(worker: str, seconds: float) -> bytes:
    """A worker says nothing any more."""
    return error(LOST, f"worker `{worker}` was silent for {seconds:g} s")


def parted(worker: str) -> bytes:
    """The whole cluster is gone."""
    return error(LOST, f"the Ray cluster of worker `{worker}` went away")


def overdue(step: str, timeout_s: float | None) -> bytes:
    """The time of a step is over."""
    return error("Timeout", f"step `{step}` took longer than {timeout_s} s")


def changed(flow: str, worker: str, theirs: str, ours: str) -> bytes:
    """A worker has other code than the orchestrator."""
    return error(
        "CodeChanged",
        f"worker `{worker}` has version {theirs} of workflow `{flow}`, the orchestrator {ours}",
        hint="put the same code on all nodes; raymill workflows retry RUN goes on",
    )


def unfit(step: str, needs: Resources) -> bytes:
    """No node has what a step asks for."""
    memory = f" and {needs.memory_bytes:,} bytes of memory" if needs.memory_bytes else ""
    gpus = f", {needs.gpus:g} GPUs" if needs.gpus else ""
    return error(
        "ResourcesUnavailable",
        f"step `{step}` asks for {needs.cpus:g} CPUs{gpus}{memory}, "
        "and no node of the Ray cluster has them",
        hint="ask for less with Step(..., resources=Resources(...)), or add a larger node",
    )
