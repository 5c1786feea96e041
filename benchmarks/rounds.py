"""Programs in turn, several times: A B C, A B C; so that what the machine does hits all alike."""

from __future__ import annotations

import os
import resource
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from na64.benchmarks.counts import BenchmarkCounts, require_equal
from na64.benchmarks.programs import Program


@dataclass(frozen=True, slots=True)
class CpuTiming:
    """CPU time of a program, user and system, over all rounds.

    Attributes
    ----------
    name : str
    n_events : int
    seconds : tuple of float
        One a round.
    """

    name: str
    n_events: int
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.seconds)

    @property
    def per_event(self) -> float:
        """Nanoseconds an event, all that does not depend on the events included."""
        return 1e9 * self.median / self.n_events

    @property
    def spread(self) -> float:
        """Range of the rounds as a fraction of the median."""
        return (max(self.seconds) - min(self.seconds)) / self.median


def cpu_seconds() -> float:
    """Return the CPU time, user and system, of this process and of its children that have ended."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(used.ru_utime + used.ru_stime for used in both)


def check(programs: Sequence[Program]) -> BenchmarkCounts:
    """Run each program once, which also warms it up, and refuse them if their counts differ.

    Returns
    -------
    Counts
        Of all of them.
    """
    counts = {program.name: found for program in programs if (found := program.run()) is not None}
    require_equal(counts)
    return next(iter(counts.values()))


def measure(programs: Sequence[Program], n_events: int, rounds: int) -> list[CpuTiming]:
    """Time programs, interleaved."""
    seconds: dict[str, list[float]] = {program.name: [] for program in programs}
    for _ in range(rounds):
        for program in programs:
            seconds[program.name].append(_time(program))
    return [CpuTiming(name, n_events, tuple(times)) for name, times in seconds.items()]


def _time(program: Program) -> float:
    began = cpu_seconds()
    program.run()
    return program.cpu() if program.cpu is not None else cpu_seconds() - began


def load() -> float:
    """Return how many processes wanted a core in the last minute: what a figure is to be read with."""
    return os.getloadavg()[0]


Progress = Callable[[str], None]
"""Gets a line whenever something begins that takes a while."""
