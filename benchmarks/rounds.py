"""Programs in turn, several times: A B C, A B C; so that what the machine does hits all alike."""

from __future__ import annotations

import os
import resource
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from na64.benchmarks.counts import BenchmarkCounts, require_equal
from na64.benchmarks.programs import Program

_EIGHTH = 8
_LEAST_MORE = 0.1
"""What more events must take, of the time of fewer, to say what one costs: less is of other work there."""


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


@dataclass(frozen=True, slots=True)
class TwoSizes:
    """The same programs on few and on many events, in turns.

    Attributes
    ----------
    few : list of CpuTiming
        Empty if there were not enough events for two sizes.
    many : list of CpuTiming
    """

    few: list[CpuTiming] = field(default_factory=list)
    many: list[CpuTiming] = field(default_factory=list)

    def slope(self, name: str) -> float | None:
        """Return what one event more costs, ns, by the least times of both sizes: what is fixed is not in it.

        None if the program was not timed with both, or took hardly longer with many events.
        """
        few, many = (
            next((one for one in timings if one.name == name), None) for timings in (self.few, self.many)
        )
        if few is None or many is None:
            return None
        more = min(many.seconds) - min(few.seconds)
        if more <= _LEAST_MORE * min(few.seconds):
            return None
        return 1e9 * more / (many.n_events - few.n_events)


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
    return measure_sizes({n_events: programs}, rounds).many


def measure_sizes(programs: Mapping[int, Sequence[Program]], rounds: int) -> TwoSizes:
    """Time programs of one or two numbers of events, interleaved."""
    taken: list[tuple[int, Program, list[float]]] = [
        (n_events, program, []) for n_events, these in programs.items() for program in these
    ]
    for _ in range(rounds):
        for _, program, seconds in taken:
            seconds.append(_time(program))
    few, many = min(programs), max(programs)
    of = {
        size: [CpuTiming(program.name, n, tuple(seconds)) for n, program, seconds in taken if n == size]
        for size in programs
    }
    return TwoSizes(of[few] if few < many else [], of[many])


def measure_slopes(
    list_programs: Callable[[int], Sequence[Program]], n_events: int, least: int, rounds: int
) -> TwoSizes:
    """Time programs on a number of events and on an eighth, if twice ``least`` are there.

    Parameters
    ----------
    list_programs : callable
        Makes a sample of so many events, and the programs for it, checked.
    n_events : int
    least : int
        Events of the smaller sample, at least.
    rounds : int
    """
    few = max(n_events // _EIGHTH, least)
    sizes = (few, n_events) if n_events >= 2 * few else (n_events,)
    return measure_sizes({size: list_programs(size) for size in sizes}, rounds)


def _time(program: Program) -> float:
    began = cpu_seconds()
    program.run()
    return program.cpu() if program.cpu is not None else cpu_seconds() - began


def load() -> float:
    """Return how many processes wanted a core in the last minute: what a figure is to be read with."""
    return os.getloadavg()[0]


Progress = Callable[[str], None]
"""Gets a line whenever something begins that takes a while."""
