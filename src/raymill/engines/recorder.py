"""The ordered end of every run: counts, dead letters, sinks, checkpoints. Blocks come here in
input order."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from raymill import faults
from raymill.connectors.dead_letter import DeadLetter
from raymill.engines.graph import Passage, totals
from raymill.engines.operator import Counts
from raymill.engines.run import Job, Progress, Report
from raymill.errors import CheckpointError, RaymillError, TaskError
from raymill.flow.sink import Mark
from raymill.metrics import Metrics
from raymill.state import checkpoint
from raymill.state.checkpoint import Checkpoint

VERSION = 1


@dataclass(slots=True)
class Bad:
    """A record that failed, with its line within its block."""

    line: int
    task: str
    reason: str
    record: Any


@dataclass(slots=True)
class Settled:
    """A block that went through the graph: all that the end of the run needs of it."""

    file: int
    span: int
    rows: int
    size_bytes: int
    encoded: dict[int, Any]  # by sink
    out: dict[int, int]  # rows by sink
    bad: list[Bad]
    counts: dict[int, Counts]
    worker: str = "0"
    started: float = 0.0
    busy_s: float = 0.0
    piece: int = 0


def settle(job: Job, passage: Passage, worker: str = "0") -> Settled:
    """Encode what a block gives the sinks. Pure: any thread or process."""
    entry = passage.entry
    encoded: dict[int, Any] = {}
    out: dict[int, int] = {}
    for at, (number, _) in enumerate(job.plan.sinks):
        table = passage.tables.get(number)
        if table is not None and table.batch.num_rows:
            encoded[at] = job.sinks[at].encode(table.batch)
            out[at] = table.batch.num_rows
    bad = [_bad(passage, letter) for letter in passage.letters]
    span = rows = size = 0
    if entry is not None:
        bad += [Bad(r.line, "read", r.reason, r.text) for r in entry.rejects]
        span, size = entry.span, entry.size_bytes
        rows = entry.rows + len(entry.rejects)
    bad.sort(key=lambda one: one.line)
    return Settled(
        passage.piece.file,
        span,
        rows,
        size,
        encoded,
        out,
        bad,
        passage.counts,
        worker,
        passage.started,
        passage.busy_s,
        passage.piece.number,
    )


def _bad(passage: Passage, letter: Any) -> Bad:
    lines = passage.entry.lines if passage.entry is not None else None
    line = letter.row if lines is None else int(lines[letter.row])
    return Bad(line if passage.entry is not None else -1, letter.task, letter.reason, letter.record)


@dataclass
class Recorder:
    """Takes settled blocks in order and keeps the promise about what is written."""

    job: Job
    engine: str
    metrics: Metrics = field(default_factory=Metrics)
    counts: dict[int, Counts] = field(default_factory=dict)
    lines: dict[int, int] = field(default_factory=dict)  # of each file, so far
    resumed: Checkpoint | None = None
    checkpoints: int = 0

    def open(self) -> int:
        """Open the sinks, afresh or where the checkpoint says; gives the first piece to read."""
        options = self.job.options
        self._begun = self._told = self._saved = time.monotonic()
        self._records = self._bytes = self._since = 0
        if options.checkpoint and options.resume:
            self.resumed = checkpoint.load(options.checkpoint)
        elif options.checkpoint:
            checkpoint.remove(options.checkpoint)  # it speaks of outputs that begin anew
        marks: Mapping[str, Any] = {}
        first = 0
        if self.resumed is not None:
            marks = self._adopt(self.resumed)
            first = int(self.resumed.values["piece"])
        for at, (number, _) in enumerate(self.job.plan.sinks):
            self.job.sinks[at].open(self.job.plan.nodes[number].schema, self._mark(marks, str(at)))
        if self.job.letters is not None:
            self.job.letters.open(self._mark(marks, "letters"))
        return first

    def _adopt(self, found: Checkpoint) -> Mapping[str, Any]:
        _same_run(found.values["identity"], self.job.identity)
        self.metrics = Metrics.from_dict(found.values["metrics"])
        self._earlier_s = self.metrics.elapsed_s
        self.counts = {int(n): Counts(**c) for n, c in found.values["counts"].items()}
        self.lines = {int(n): count for n, count in found.values["lines"].items()}
        self._records = self.metrics.total.records_in
        return found.values["marks"]  # type: ignore[no-any-return]

    def _mark(self, marks: Mapping[str, Any], name: str) -> Mark | None:
        if name not in marks or self.resumed is None:
            return None
        return Mark(marks[name], self.resumed.tables.get(f"sink:{name}"))  # type: ignore[arg-type]

    _earlier_s: float = 0.0

    def take(self, block: Settled) -> None:
        """Write one block's output and count it. Raises TaskError where bad records stop the
        run."""
        base = self.lines.get(block.file, 0)
        if block.bad and self.job.options.on_error == "stop":
            raise self._stopped(block, base)
        worker = self.metrics.worker(block.worker)
        for at, encoded in block.encoded.items():
            before = self.job.sinks[at].bytes_written()
            self.job.sinks[at].write(encoded)
            worker.records_out += block.out[at]
            worker.bytes_out += self.job.sinks[at].bytes_written() - before
        if block.bad:
            self._write_up(block, base)
        self.lines[block.file] = base + block.span
        totals(block.counts, self.counts)
        worker.records_in += block.rows
        worker.batches += 1
        worker.bytes_in += block.size_bytes
        worker.busy_s += block.busy_s
        for one in block.counts.values():
            worker.held += one.held
            for reason, count in one.skipped.items():
                worker.skip(reason, count)
        for bad in block.bad:
            worker.fail(bad.reason)
        if block.rows:
            worker.latency.add(time.monotonic() - block.started, block.rows)
        self._records += block.rows
        self._since += block.rows
        self._bytes += block.size_bytes
        self._tell()

    def _write_up(self, block: Settled, base: int) -> None:
        if self.job.letters is None:
            return
        names = self.job.source.names
        name = names[block.file] if block.file < len(names) else "-"
        rows = [
            DeadLetter(
                bad.record,
                bad.task,
                bad.reason,
                name,
                base + bad.line + 1 if bad.line >= 0 else None,
            )
            for bad in block.bad
        ]
        self.job.letters.write(self.job.letters.encode(rows))

    def _stopped(self, block: Settled, base: int) -> RaymillError:
        bad = block.bad[0]
        names = self.job.source.names
        place = f"{names[block.file] if block.file < len(names) else '-'}:{base + bad.line + 1}"
        return TaskError(
            f"{place}: task `{bad.task}` failed: {bad.reason}"
            if bad.task != "read"
            else f"{place}: {bad.reason}",
            hint="--on-error dead-letter keeps such records in a file and goes on",
            record=bad.record,
        )

    def _tell(self) -> None:
        now = time.monotonic()
        if self.job.options.progress is not None and now - self._told >= 0.1:
            self._told = now
            total = self.job.source.size_bytes()
            said = Progress(self._records, self._bytes, total, now - self._begun)
            self.job.options.progress(said)

    def due(self) -> bool:
        """Whether it is time for a checkpoint."""
        options = self.job.options
        if not options.checkpoint:
            return False
        if options.checkpoint_records is not None:
            return self._since >= options.checkpoint_records
        return time.monotonic() - self._saved >= options.checkpoint_s

    def commit(self, piece: int, tables: Mapping[str, pa.RecordBatch]) -> Checkpoint:
        """Make everything before `piece` durable, in one step; kept on disk where the user asked
        for it."""
        faults.point("checkpoint.before-marks")
        marks: dict[str, Any] = {}
        kept: dict[str, Any] = dict(tables)
        named: list[tuple[str, Any]] = [(str(at), sink) for at, sink in enumerate(self.job.sinks)]
        if self.job.letters is not None:
            named.append(("letters", self.job.letters))
        for name, sink in named:
            mark = sink.mark()
            marks[name] = dict(mark.values)
            if mark.rows is not None:
                kept[f"sink:{name}"] = mark.rows
        faults.point("checkpoint.after-marks")
        made = Checkpoint(self._values(piece, marks), kept)
        if self.job.options.checkpoint:
            checkpoint.save(self.job.options.checkpoint, made)
        self.checkpoints += 1
        self._saved, self._since = time.monotonic(), 0
        return made

    def _values(self, piece: int, marks: Mapping[str, Any]) -> dict[str, Any]:
        self._time()
        return {
            "version": VERSION,
            "piece": piece,
            "identity": self.job.identity,
            "marks": marks,
            "lines": {str(n): count for n, count in self.lines.items()},
            "counts": {str(n): _plain(c) for n, c in self.counts.items()},
            "metrics": self.metrics.to_dict(),
        }

    def _time(self) -> None:
        self.metrics.elapsed_s = self._earlier_s + time.monotonic() - self._begun

    def close(self, unfinished: Mapping[int, int]) -> Report:
        """Give the outputs their final names, forget the checkpoint, and say what was done."""
        for number, left in unfinished.items():
            if left:
                self._leave(number, left)
        for sink in self.job.sinks:
            sink.close()
        if self.job.letters is not None:
            self.job.letters.close()
        if self.job.options.checkpoint:
            checkpoint.remove(self.job.options.checkpoint)
        self._time()
        plan, options = self.job.plan, self.job.options
        report = Report(self.engine, options.workers, self.metrics, places=plan.places())
        report.warnings = plan.warnings()
        report.checkpoints, report.resumed = self.checkpoints, self.resumed is not None
        report.nodes = {plan.nodes[n].label: _plain(c) for n, c in sorted(self.counts.items())}
        return report

    def _leave(self, number: int, left: int) -> None:
        """Records in windows that never closed are skipped, with that reason."""
        counts = self.counts.setdefault(number, Counts())
        counts.held -= left
        counts.skipped["incomplete window"] = counts.skipped.get("incomplete window", 0) + left
        worker = self.metrics.worker("0")
        worker.held -= left
        worker.unfinished += left
        worker.skip("incomplete window", left)

    def abandon(self) -> None:
        """Leave everything as it is: partial outputs stay partial."""
        for sink in self.job.sinks:
            sink.abandon()
        if self.job.letters is not None:
            self.job.letters.abandon()


def _plain(counts: Counts) -> dict[str, Any]:
    return {name: getattr(counts, name) for name in counts.__slots__}


def _same_run(kept: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse a checkpoint of another run, and name the difference."""
    differences = list(_differences(kept, _as_json(now)))
    if differences:
        place, old, new = differences[0]
        raise CheckpointError(
            f"The checkpoint is of another run: {place} was {old!r}, now it is {new!r}",
            hint="run without --resume to start over, or go back to what it was",
            differences=[place for place, _, _ in differences],
        )


def _as_json(value: Any) -> Any:
    from raymill import json

    return json.loads(json.dumps(value))


def _differences(old: Any, new: Any, place: str = "") -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [*old, *(n for n in new if n not in old)]:
            yield from _differences(
                old.get(name), new.get(name), f"{place}.{name}" if place else name
            )
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, (left, right) in enumerate(zip(old, new, strict=True)):
            yield from _differences(left, right, f"{place}[{i}]")
    elif old != new:
        yield place, old, new
