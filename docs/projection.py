"""Prints the tables of projection.md from what was measured: ``python docs/projection.py``."""

from __future__ import annotations

import heapq
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

RECORDED = 1e-3
"""Events for each electron on target, assumed."""

HASHING = 1 / 1.8e9
"""CPU s a byte, sha256 with the instructions of the processor for it; xxh3 beside it takes a twelfth."""

HEADERS = 21e-3
"""CPU s a file in `na64 catalogue`: ROOT's headers, runs and spills."""

CHUNK = 1.0e-3
"""s that a chunk takes of driver and scheduler if its result is kept: 100,000 chunks, two workers."""

START, REPORT = 2.0, 7.0
"""s: workers of one machine; plots and report, whatever the number of events."""

PER_FILE = 1e6
"""Events of a file."""


@dataclass(frozen=True)
class Kind:
    """Files of a kind: CPU s of one event more in `na64 process`, and bytes that are read for it."""

    name: str
    cpu: float
    stored: float


CELLS = (
    Kind("`hits` of ours, LZ4", 397e-9, 572),
    Kind("`tout2023` of ours, LZ4", 1_354e-9, 1_350),
    Kind("every cell filled, LZ4 of ROOT", 1_463e-9, 3_600),
    Kind("every cell filled, ZLIB of ROOT", 9_081e-9, 3_190),
)
STORE = Kind("feature store, after a change of a cut", 33e-9, 115)
KINDS = (*CELLS, STORE)


def main() -> None:
    """Print the tables, in the order of the page."""
    for table in (costs(), passes(), catalogues(), queues()):
        sys.stdout.write("\n".join(table) + "\n\n")


def costs() -> Iterator[str]:
    """What an event costs."""
    yield from _head("", "CPU, ns an event", "bytes that are read")
    for kind in KINDS:
        yield _row(kind.name, f"{kind.cpu * 1e9:,.0f}", f"{kind.stored:,.0f}")


def passes() -> Iterator[str]:
    """Time of one pass on so many cores, with start, driver and report; and the least that storage allows."""
    cores = (1, 10, 100, 1_000)
    yield from _head(
        "particles",
        "from",
        "core h",
        "TB",
        *(f"{n:,} cores" if n > 1 else "1 core" for n in cores),
        "at 1 GB/s",
        "at 10 GB/s",
    )
    for electrons in (1e12, 1e13):
        n_events = electrons * RECORDED
        for kind in KINDS:
            work, stored = n_events * kind.cpu, n_events * kind.stored
            around = START + REPORT
            walls = [max(work / n, n_events / PER_FILE * CHUNK) + around for n in cores]
            least = [stored / speed + around for speed in (1e9, 1e10)]
            yield _row(
                f"{electrons:.0e}".replace("e+", "e"),
                kind.name,
                f"{work / 3600:.2g}",
                f"{stored / 1e12:.3g}",
                *map(_time, walls + least),
            )


def catalogues() -> Iterator[str]:
    """What the catalogue takes, once for all selections."""
    yield from _head("particles", "files", "files of", "hashing, core h", "headers, core h", "100 cores")
    for electrons in (1e12, 1e13):
        n_files = electrons * RECORDED / PER_FILE
        for kind in CELLS:
            hashing, headers = n_files * PER_FILE * kind.stored * HASHING, n_files * HEADERS
            yield _row(
                f"{electrons:.0e}".replace("e+", "e"),
                f"{n_files:,.0f}",
                kind.name,
                f"{hashing / 3600:.2g}",
                f"{headers / 3600:.2g}",
                _time((hashing + headers) / 100),
            )


def queues() -> Iterator[str]:
    """Segments of 100,000 events through one driver."""
    counts = (100, 1_000)
    yield from _head("1e5 segments of", "s each", *(f"{n} workers, busy" for n in counts))
    for kind in CELLS:
        seconds = 1e5 * kind.cpu
        walls = [queue(100_000, seconds, n) for n in counts]
        busy = [1e5 * seconds / n / wall for n, wall in zip(counts, walls, strict=True)]
        shown = [f"{_time(wall)}, {share:.0%}" for wall, share in zip(walls, busy, strict=True)]
        yield _row(kind.name, f"{seconds:.2g}", *shown)


def queue(n_segments: int, seconds: float, n_workers: int, *, seed: int = 1) -> float:
    """Wall time in s of segments on workers that ask one driver for each.

    Parameters
    ----------
    n_segments : int
    seconds : float
        Of a segment on a worker, in the mean; they vary by a third.
    n_workers : int
    seed : int
    """
    spread = 0.32
    durations = np.random.default_rng(seed).lognormal(np.log(seconds) - spread**2 / 2, spread, n_segments)
    workers, driver, end = [0.0] * n_workers, 0.0, 0.0
    for duration in durations:
        driver = max(driver, heapq.heappop(workers)) + CHUNK  # hands a segment out, after the one before
        end = max(end, driver + duration)
        heapq.heappush(workers, driver + duration)
    return end


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3600:.1f} h"


_WORDS = ("from", "files of")
"""Columns of words, which begin at the left as the first does."""


def _head(*titles: str) -> Iterable[str]:
    return _row(*titles), f"|---|{'|'.join('---' if title in _WORDS else '---:' for title in titles[1:])}|"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
