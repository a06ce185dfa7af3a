"""`raymill market stream`: live prices from a source into the lake."""

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from raymill import json
from raymill.cli.asked import names
from raymill.cli.failures import DONE, FAILED
from raymill.errors import ConfigError, Interrupted

if TYPE_CHECKING:
    from raymill.app.market.streams import Standing, Streams

NEVER = float("inf")
BEGUN = ("live", "degraded")


@Parameter(name="*")
@dataclass(frozen=True)
class PaceOptions:
    """How a source of this machine runs.

    Parameters
    ----------
    speed
        How much faster than the clock a simulated source or a file runs.
    start
        The time at which a simulated source or a file begins; now, if not given.
    """

    speed: float = 1.0
    start: str | None = None

    def start_us(self) -> int | None:
        """Where it begins. Raises ConfigError for what cannot be."""
        from raymill.market.moments import micros

        if not self.speed > 0:
            raise ConfigError(f"`--speed` cannot be {self.speed}", hint="give a number above 0")
        if self.start is None and self.speed != 1.0:
            raise ConfigError("`--speed` needs `--start`", hint="--start 2024-01-01")
        return None if self.start is None else micros(self.start, "--start")


CLOCK = PaceOptions()


def stream(
    source: str,
    *symbols: str,
    kind: list[str] | None = None,
    interval: str = "1m",
    for_: Annotated[float | None, Parameter(name="--for")] = None,
    pace: PaceOptions = CLOCK,
    detach: bool = False,
    json_: bool = False,
) -> int:
    """Store live trades, quotes or bars in the lake until the stream is stopped.

    A stream is a run without an end: it survives this command and crashes. What a lost connection
    missed is asked for by number; where nothing is numbered, the gap is recorded. Ctrl-C leaves it
    running; `raymill streams stop` ends it.

    Parameters
    ----------
    source
        A source, as `raymill market sources` lists them.
    symbols
        What to listen to, as in BTC/USDT; several (again, or with commas).
    kind
        trades, quotes, book (best prices made of the order book) or bars; several (again, or with
        commas). Trades, if not given.
    interval
        How long a bar lasts, as in 1m.
    for_
        Stop so many seconds after it has begun, and say what came of it.
    detach
        Do not follow it; write the id of the stream.
    json_
        Write where it stands at last as JSON.
    """
    from raymill.app.market.streams import Streams

    chosen = names(symbols)
    if not chosen:
        raise ConfigError("There is no symbol", hint=f"raymill market stream {source} SYMBOL")
    if for_ is not None and not for_ > 0:
        raise ConfigError(f"`--for` cannot be {for_}", hint="give seconds above 0")
    start_us = pace.start_us()
    with Streams() as streams:
        asked, is_new = streams.start(
            source,
            chosen,
            names(kind or ["trades"]),
            interval=interval,
            speed=pace.speed,
            start_us=start_us,
        )
        begun = "begins" if is_new else "is under way"
        sys.stderr.write(f"stream {asked.stream_id} {begun}\n")
        if detach:
            _write(asked, json_, f"{asked.stream_id}\n")
            return DONE
        return _followed(streams, asked, for_, json_)


def _followed(streams: "Streams", asked: "Standing", for_s: float | None, as_json: bool) -> int:
    from raymill.cli.market.streaming import teller, totals

    now, ends = asked, NEVER
    try:
        with teller() as tell:
            for now in streams.follow(asked.stream_id):
                tell(now)
                if ends == NEVER and for_s is not None and now.status in BEGUN:
                    ends = time.monotonic() + for_s
                if time.monotonic() >= ends:
                    now = streams.stop(asked.stream_id)
                    tell(now)
                    break
    except KeyboardInterrupt:
        raise Interrupted(
            "Interrupted; the stream goes on",
            hint=f"raymill streams show {asked.stream_id}; raymill streams stop {asked.stream_id}",
        ) from None
    _write(now, as_json, f"{totals(now)}\n")
    return FAILED if now.status == "failed" else DONE


def _write(now: "Standing", as_json: bool, text: str) -> None:
    sys.stdout.write(json.dumps(now.to_dict(), indent=True).decode() + "\n" if as_json else text)
