"""What an answer means: said by the adapter of a vendor, acted upon by the transport."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal[
    "ok",  # data
    "unchanged",  # what is known already still holds
    "missing",  # there is no such thing, and asking again changes nothing
    "blocked",  # the whole cluster must leave the server alone
    "limited",  # too many requests: the whole cluster waits
    "transient",  # try again
    "permanent",  # a refusal that another try does not change
]
FINAL: tuple[Kind, ...] = ("ok", "unchanged", "missing")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one answer means, how long to wait if its server said so, and why, in a few words.

    fault: what the adapter of the vendor calls it; errors carry it in their details.
    """

    kind: Kind
    wait_s: float | None = None
    reason: str = ""
    fault: str = ""
