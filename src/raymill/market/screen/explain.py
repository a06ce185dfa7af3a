"""What each filter of a request left, and how many rows it could not judge."""

from typing import Any

import numpy as np

from raymill.market.screen.evaluate import holds
from raymill.market.screen.snapshot import Snapshot
from raymill.market.screen.tree import Group, Node


class Funnel:
    """The filters of a request one after the other, each with the rows before and after it."""

    def __init__(self, rows: Snapshot) -> None:
        self._rows = rows
        self._left = len(rows)
        self.steps: list[dict[str, Any]] = []

    def add(self, node: Node, left: int) -> None:
        """Note how many rows are left behind a filter."""
        self.steps.append(self._about(node) | {"before": self._left, "after": left})
        self._left = left

    def _about(self, node: Node) -> dict[str, Any]:
        """A node alone: how many rows of the universe match it, and of how many it is unknown."""
        matching = int(np.count_nonzero(holds(node, self._rows)))
        failing = int(np.count_nonzero(holds(node, self._rows, fails=True)))
        found: dict[str, Any] = {
            "filter": node.text,
            "path": node.path,
            "matching": matching,
            "unknown": len(self._rows) - matching - failing,
        }
        if isinstance(node, Group):
            found["parts"] = [self._about(part) for part in node.parts]
        return found
