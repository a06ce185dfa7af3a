"""The end of input: what the open rest of keys answers, node after node."""

from raymill.engines.graph import Keeper, Passage
from raymill.engines.operator import Counts, Table
from raymill.engines.recorder import Recorder, settle
from raymill.engines.run import Job
from raymill.flow.plan import Bound
from raymill.flow.source import Piece

LAST = (1 << 22) - 1  # a piece number behind all others


def finish(job: Job, recorder: Recorder, keeper: Keeper) -> None:
    """Let each task with an open rest answer it, and send that on through the nodes behind it."""
    for at, node in enumerate(job.plan.nodes):
        if node.place == "anywhere":
            continue
        rest = keeper.finish(node)
        if rest is None or rest.num_rows == 0:
            continue
        passage = Passage(Piece(LAST), at, None)
        passage.put(node, Table(rest), Counts(records_out=rest.num_rows), [])
        for later in job.plan.nodes[at + 1 :]:
            _send(passage, later, keeper)
        recorder.take(settle(job, passage))


def _send(passage: Passage, node: Bound, keeper: Keeper) -> None:
    present = [number for number in node.inputs if number in passage.tables]
    if not present:
        return
    if node.kind == "union":
        for number in node.inputs:
            if number not in passage.tables:
                mate = passage.tables[present[0]].batch.slice(0, 0)
                passage.tables[number] = Table(mate)
    elif len(present) < len(node.inputs):
        return
    keeper.run(passage, node)
