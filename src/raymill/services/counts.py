"""What the API counted, as Prometheus reads it: answers and seconds by route and status."""

from collections.abc import Iterator
from dataclasses import dataclass, field

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(slots=True)
class _Seconds:
    below: list[int] = field(default_factory=lambda: [0] * len(BOUNDS))
    count: int = 0
    total_s: float = 0.0


class Counts:
    """Answers of one process."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str, int], int] = {}
        self._seconds: dict[tuple[str, str], _Seconds] = {}

    def add(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count one answer; `path` is that of the route, empty where there is none."""
        key = (method, path, status)
        self._answers[key] = self._answers.get(key, 0) + 1
        if (known := self._seconds.get(key[:2])) is None:
            known = self._seconds[key[:2]] = _Seconds()
        known.count += 1
        known.total_s += seconds
        for at, bound in enumerate(BOUNDS):
            if seconds <= bound:
                known.below[at] += 1
                break

    def text(self) -> str:
        """The counts as text for Prometheus."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        name = "raymill_http_answers_total"
        yield f"# HELP {name} Answers"
        yield f"# TYPE {name} counter"
        for (method, path, status), count in sorted(self._answers.items()):
            yield f'{name}{{method="{method}",path="{path}",status="{status}"}} {count}'
        name = "raymill_http_seconds"
        yield f"# HELP {name} Time from a request to the end of its answer"
        yield f"# TYPE {name} histogram"
        for (method, path), known in sorted(self._seconds.items()):
            labels, below = f'method="{method}",path="{path}"', 0
            for bound, count in zip(BOUNDS, known.below, strict=True):
                below += count
                yield f'{name}_bucket{{{labels},le="{bound:g}"}} {below}'
            yield f'{name}_bucket{{{labels},le="+Inf"}} {known.count}'
            yield f"{name}_sum{{{labels}}} {known.total_s}"
            yield f"{name}_count{{{labels}}} {known.count}"
