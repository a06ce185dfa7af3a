"""What a request asks for, checked: a tree of conditions on fields."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Scalar: TypeAlias = float | str


@dataclass(frozen=True, slots=True)
class Other:
    """A value that is another field of the same row; `pct` is a distance from it."""

    field: str
    pct: float = 0.0


Value: TypeAlias = Scalar | Other | tuple[Scalar, ...] | None


@dataclass(frozen=True, slots=True)
class Leaf:
    """One condition: the field, the operator and the value; days and times are numbers."""

    field: str
    operator: str
    value: Value
    path: str = dataclasses.field(compare=False, repr=False)  # where the request says it
    text: str = dataclasses.field(compare=False, repr=False)

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that it reads."""
        return (self.field, self.value.field) if isinstance(self.value, Other) else (self.field,)


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions of which all (`and`), one (`or`) or the only one not (`not`) must hold."""

    kind: Literal["and", "or", "not"]
    parts: tuple["Node", ...]
    path: str = dataclasses.field(compare=False, repr=False)
    text: str = dataclasses.field(compare=False, repr=False)


Node: TypeAlias = Leaf | Group


def leaves(node: Node) -> Iterator[Leaf]:
    """The conditions of a tree, from left to right."""
    if isinstance(node, Leaf):
        yield node
        return
    for part in node.parts:
        yield from leaves(part)
