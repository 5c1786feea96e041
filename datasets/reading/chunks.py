"""Pieces of files that are worked on one at a time; every range is half open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import sub

TARGET = 1_000_000
"""Events of a canonical segment, at most."""

TARGET_BYTES = 640_000_000
"""Decompressed bytes of a canonical segment, about: a million events of sparse cells, 180,000 of dense."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Events ``start`` to ``stop`` of one file."""

    file_sha256: str
    path: str
    start: int
    stop: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            raise ValueError(f"{self.path}: no events from {self.start} to {self.stop}")

    @property
    def n_events(self) -> int:
        """Number of events."""
        return self.stop - self.start


def canonical_segments(boundaries: Sequence[int], n_bytes: int) -> tuple[tuple[int, int], ...]:
    """Cut a file into its canonical segments, by events and by bytes: dense events are shared out too.

    They are about equal, so that workers end together. A cluster is cut only if it has too many events:
    in two pieces it would be decompressed twice.

    Parameters
    ----------
    boundaries : sequence of int
        As for `segment_ranges`.
    n_bytes : int
        Of the whole file, decompressed.
    """
    n_events = boundaries[-1]
    n_parts = max(-(-n_bytes // TARGET_BYTES), -(-n_events // TARGET), 1)
    # With a cluster more than its share at most, what is left for the last one is not another segment.
    share = -(-n_events // n_parts) + max(map(sub, boundaries[1:], boundaries), default=1) - 1
    return segment_ranges(boundaries, max(min(TARGET, share), 1), largest=TARGET)


def segment_ranges(
    boundaries: Sequence[int], target: int = TARGET, *, largest: int | None = None
) -> tuple[tuple[int, int], ...]:
    """Cut a file into segments: whole clusters, as many as fit into `target` events.

    The cut follows from the file alone, so results can be kept by segment. A cluster that is too large is cut
    into equal parts.

    Parameters
    ----------
    boundaries : sequence of int
        First event of each cluster, ascending, and the number of events at the end.
    target : int
    largest : int, optional
        Clusters are cut only above this size; `target` by default.

    Returns
    -------
    tuple of (start, stop)
    """
    if target < 1:
        raise ValueError(f"segments of {target} events")
    ranges: list[tuple[int, int]] = []
    for start, stop in _clusters(boundaries, max(largest or target, target)):
        if ranges and stop - ranges[-1][0] <= target:
            ranges[-1] = (ranges[-1][0], stop)
        else:
            ranges.append((start, stop))
    return tuple(ranges)


def _clusters(boundaries: Sequence[int], target: int) -> Iterator[tuple[int, int]]:
    for start, stop in pairwise(boundaries):
        yield from _parts(start, stop, target)


def _parts(start: int, stop: int, most: int) -> Iterator[tuple[int, int]]:
    n_events = stop - start
    n_parts = -(-n_events // most)
    for part in range(n_parts):
        yield start + part * n_events // n_parts, start + (part + 1) * n_events // n_parts
