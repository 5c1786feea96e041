"""Events of a run in one file, however the file was cut into pieces of work."""

from __future__ import annotations

from dataclasses import dataclass

from na64.processors.counting.tally import Tally, valueless_in_both


@dataclass(frozen=True, slots=True)
class FileCounts:
    """Events of a run in one file; ``+`` joins two parts of the file.

    Attributes
    ----------
    processed, visible : int
    valueless : frozenset of str
        Features of which none of the visible events has a value.
    """

    processed: int = 0
    visible: int = 0
    valueless: frozenset[str] = frozenset()

    @classmethod
    def of(cls, tally: Tally) -> FileCounts:
        """Counts of a part of a file."""
        return cls(tally.processed, tally.visible, tally.valueless)

    @property
    def hidden(self) -> int:
        """Events of data that nothing looked at."""
        return self.processed - self.visible

    def __add__(self, other: FileCounts) -> FileCounts:
        processed, visible = self.processed + other.processed, self.visible + other.visible
        return FileCounts(processed, visible, valueless_in_both(self, other))
