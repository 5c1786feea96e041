"""Sets of whole numbers as short text: ``1-57,60``; both ends of a range are in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from itertools import pairwise

_TEXT = re.compile(r"(\d{1,10}(-\d{1,10})?(,\d{1,10}(-\d{1,10})?)*)?", re.ASCII)
_MOST = 1_000_000


def to_ranges(numbers: Iterable[int]) -> str:
    """Write whole numbers from 0, each once, as ranges; what is given twice is written once."""
    ranges: list[list[int]] = []
    for number in sorted(set(numbers)):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def runs_in_words(runs: Collection[int]) -> str:
    """Write runs with their noun: ``run 8704``, ``runs 8701-8703``."""
    return f"run{'s' * (len(runs) > 1)} {to_ranges(runs)}"


def of_ranges(text: str, where: str) -> tuple[int, ...]:
    """Read what `to_ranges` wrote.

    Parameters
    ----------
    text : str
    where : str
        Begins the message of an error.

    Raises
    ------
    ValueError
        Not ascending ranges, or more than a million numbers.
    """
    if not _TEXT.fullmatch(text):
        raise ValueError(f'{where}: "{text[:40]}" is not a list of ranges')
    ends = [tuple(int(end) for end in part.split("-")) for part in text.split(",") if part]
    edges = [edge for part in ends for edge in (part[0], part[-1] + 1)]
    if any(one >= other for one, other in pairwise(edges)):
        raise ValueError(f'{where}: "{text[:40]}" is not ascending')
    if (n_numbers := sum(part[-1] + 1 - part[0] for part in ends)) > _MOST:
        raise ValueError(f"{where}: {n_numbers} numbers, expected at most {_MOST}")
    return tuple(number for part in ends for number in range(part[0], part[-1] + 1))
