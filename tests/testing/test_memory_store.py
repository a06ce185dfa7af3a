"""The store in memory: what every store must do."""

from typing import Any

import pytest

from raymill.state.store import StateStore
from raymill.testing.memory_store import Memory, MemoryStore
from raymill.testing.store_suite import StoreRows


class TestMemoryStore(StoreRows):
    @pytest.fixture(autouse=True)
    def memories(self) -> None:
        self._memories: dict[Any, Memory] = {}

    def make(self, folder: Any) -> StateStore:
        return MemoryStore(self._memories.setdefault(folder, Memory()))
