"""What may be asked of a vendor, over all workers and processes: its limits and its breaker.

A request passes when each limit has a permit for it. Permits of spans are used within a moment, or
taken anew; an allowance for a day is taken last, since it is not given back.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from raymill.market.sources.contract import LimitRule
from raymill.net import Verdict
from raymill.net.fetch import Limit
from raymill.state.breakers import Breaker
from raymill.state.database import Database
from raymill.state.ledger import Clock
from raymill.state.limits import Rate
from raymill.state.quotas import Quota
from raymill.state.shared_breaker import SharedBreaker
from raymill.state.shared_limit import SharedLimit
from raymill.state.shared_quota import SharedQuota


@dataclass(frozen=True, slots=True)
class _Span:
    rule: LimitRule
    limit: SharedLimit


@dataclass(frozen=True, slots=True)
class _Day:
    rule: LimitRule
    quota: SharedQuota


class Budget:
    """The limits of one vendor in a store; threads share it.

    monotonic: seconds that never go back; clock: what the store counts by, its own unless told.
    """

    def __init__(
        self,
        database: Database,
        source: str,
        rules: Sequence[LimitRule],
        *,
        breaker: Breaker | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Clock | None = None,
    ) -> None:
        self.source, self.rules = source, tuple(rules)
        self.monotonic = monotonic
        name = f"market/{source}"
        self.breaker = SharedBreaker(database, name, breaker, monotonic=monotonic, clock=clock)
        spans = (rule for rule in rules if rule.per == "span")
        self.spans = [
            _Span(
                rule,
                SharedLimit(
                    database, f"{name}/{rule.name}", _rate(rule), monotonic=monotonic, clock=clock
                ),
            )
            for rule in sorted(spans, key=lambda rule: -rule.per_s)
        ]
        self.days = [
            _Day(
                rule,
                SharedQuota(
                    database, f"{name}/{rule.name}", Quota(rule.count, rule.zone), clock=clock
                ),
            )
            for rule in rules
            if rule.per == "day"
        ]

    def of(self, weight: float = 1.0) -> Limit:
        """The limit of one request."""
        return _Pass(self, weight)

    def stop(self, seconds: float, reason: str) -> None:
        """Let nobody ask this vendor anything for so long."""
        for span in self.spans:
            span.limit.stop(seconds, reason)

    def stopped(self) -> tuple[float, str] | None:
        """For how long nobody asks it anything, and why; None where all is well."""
        found = [stop for span in self.spans if (stop := span.limit.stopped()) is not None]
        return max(found) if found else None

    def told(self, verdict: Verdict) -> None:
        """Hear what came of a request."""
        if verdict.kind == "transient":
            self.breaker.failed()
        elif verdict.kind not in ("limited", "blocked"):
            self.breaker.worked()

    def used(self, figures: Mapping[str, float], now: float) -> None:
        """Hear how much the vendor says is used up, by the name of the limit.

        That may be more than we know of, as others ask from the same address; never less.
        """
        for span in self.spans:
            if figures.get(span.rule.name, 0.0) >= span.rule.count:
                left = span.rule.per_s - now % span.rule.per_s
                span.limit.stop(left, f"{figures[span.rule.name]:g} of {span.rule.name} is used")
        for day in self.days:
            if day.rule.name in figures:
                day.quota.raise_to(figures[day.rule.name])


@dataclass(slots=True)
class _Pass:
    """One request on its way through the limits."""

    budget: Budget
    weight: float
    held: dict[str, float] = field(default_factory=dict)  # when each permit was taken

    def take(self) -> float:
        """Take what is still needed: 0 where all is there, else when to ask again."""
        budget = self.budget
        if (wait := self._once("", budget.breaker.take, budget.breaker.breaker.probe_s)) > 0:
            return wait
        for span in budget.spans:
            weight = _weight(span.rule, self.weight)
            limit = span.limit
            wait = self._once(span.rule.name, lambda: limit.take(weight), limit.rate.hold_s)  # noqa: B023
            if wait > 0:
                return wait
        for day in budget.days:
            if (wait := day.quota.take(_weight(day.rule, self.weight))) > 0:
                return wait
        self.held.clear()
        return 0.0

    def _once(self, name: str, take: Callable[[], float], good_s: float) -> float:
        """Take a permit that is not held, or that was held for too long."""
        now = self.budget.monotonic()
        if name in self.held and now - self.held[name] <= good_s:
            return 0.0
        wait = take()
        if wait > 0:
            self.held.pop(name, None)
        else:
            self.held[name] = self.budget.monotonic()
        return wait

    def stop(self, seconds: float, reason: str) -> None:
        """Let nobody ask this vendor anything for so long."""
        self.budget.stop(seconds, reason)


def _rate(rule: LimitRule) -> Rate:
    return Rate(rule.count, rule.per_s, rule.heaviest if rule.counts == "weight" else 1.0)


def _weight(rule: LimitRule, weight: float) -> float:
    return weight if rule.counts == "weight" else 1.0
