"""Branches of a layout: where a file keeps one column, of which type, shape and unit."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from na64.datasets.basics.units import Unit
from na64.datasets.reading.branch_names import similar
from na64.datasets.reading.stored import Branches, Stored

FLOATS = ("float32", "float64")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


@dataclass(frozen=True, slots=True)
class Branch:
    """Where a file keeps one column.

    Attributes
    ----------
    column : str
        Name in `na64.datasets.instrument.columns.COLUMNS`, of a column of the user's own, of a feature, or of
        a column of a detector, such as ``wcal_energy``.
    names : tuple of str
        Branches; several are joined in order along the cells.
    index : int or None
        Of a branch with several values, the one that is meant; see `in_tree`.
    types : tuple of str
        NumPy names of the accepted types.
    shape : tuple of int
        Of one event's value in each branch: ``()`` for one number, the dimensions of fixed cells; of an
        indexed branch what a writer gives it (a file may have more).
    jagged : bool
        One value a hit; otherwise fixed, though a vector of always that many is accepted.
    unit : Unit
        Of the file.
    required : bool
    nan_is_absent : bool
        NaN means that the value was not recorded.
    """

    column: str
    names: tuple[str, ...]
    index: int | None
    types: tuple[str, ...]
    shape: tuple[int, ...]
    jagged: bool
    unit: Unit
    required: bool
    nan_is_absent: bool

    @property
    def n_values(self) -> int:
        """Values an event in all branches together, of a branch that is not jagged."""
        return math.prod(self.shape) * len(self.names)

    def in_tree(self, tree: Branches) -> Branch:
        """The branch as a tree has it: what a branch is called as a whole is no index."""
        whole = f"{self.names[0]}[{self.index}]"
        if self.index is None or tree.stored(whole) is None:
            return self
        return replace(self, names=(whole,), index=None, shape=())

    def check(self, tree: Branches) -> str | None:
        """What is wrong with these branches in a tree, None if nothing is."""
        for name in self.names:
            stored = tree.stored(name)
            if stored is None:
                missing = f'branch "{name}" is missing, expected {self._expected()}'
                return missing + _alternative(name, tree) if self.required else None
            if not self._accepts(stored):
                return f'branch "{name}" is {stored.text}, expected {self._expected()}'
        return None

    def is_in(self, tree: Branches) -> bool:
        """Whether a tree has these branches."""
        return all(tree.stored(name) is not None for name in self.names)

    def _accepts(self, stored: Stored) -> bool:
        if stored.dtype not in self.types:
            return False
        if self.index is not None:
            return stored.jagged or (len(stored.shape) == 1 and stored.shape[0] > self.index)
        if self.jagged:
            return stored.jagged
        if stored.jagged:
            return self.shape != ()
        return stored.shape in (self.shape, (math.prod(self.shape),) if self.shape else ())

    def _expected(self) -> str:
        kind = "an integer" if {*self.types} <= {*INTEGERS} else "a number"
        types = " or ".join(self.types) if len(self.types) < 4 else kind
        if self.jagged:
            return f"{types}, jagged"
        if self.index is not None:
            return f"{types} [more than {self.index}] or a vector"
        dimensions = "".join(f"[{n}]" for n in self.shape)
        return f"{types} {dimensions} or a vector" if self.shape else types


def _alternative(name: str, tree: Branches) -> str:
    found = similar(name, tree.names())
    return f'; there is "{found}"' if found else ""
