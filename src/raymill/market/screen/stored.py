"""A filter that a user stored under a name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Custom:
    """A stored filter: conditions that must all hold.

    key_id: the key of the HTTP API that stored it, and that may change it; empty without one.
    """

    id: str
    name: str
    criteria: tuple[Mapping[str, Any], ...]
    description: str = ""
    version: int = 1
    owner: str = ""
    created: float = 0.0
    updated: float = 0.0
    key_id: str = ""
