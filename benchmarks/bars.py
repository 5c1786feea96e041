"""What the figures are held against: every bar with what was measured, and whether it is met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from na64.benchmarks.dense import RNTUPLE
from na64.benchmarks.end_to_end import (
    COMMAND_CODECS,
    ITERATIVE,
    TWO_OF_DASK,
    TWO_PROCESSES,
    TWO_WORKERS,
)
from na64.benchmarks.findings import Findings
from na64.benchmarks.parquet_peers import DUCKDB, POLARS
from na64.benchmarks.parts import Part
from na64.benchmarks.programs import OWN_READ, PROCESS, RERUN
from na64.benchmarks.root_peers import FUSED_ROOT, IDIOMATIC_ROOT, LAZY_ROOT
from na64.benchmarks.rounds import TwoSizes
from na64.benchmarks.workers import MANY_HITS, ONE_DENSE, WorkersResult

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bar:
    """One figure and its limit.

    Attributes
    ----------
    name : str
    measured : float or None
        None if it was not measured.
    limit : float
    is_ceiling : bool
        The figure is to be at most the limit, else at least.
    unit : str
    """

    name: str
    measured: float | None
    limit: float
    is_ceiling: bool = True
    unit: str = ""

    @property
    def verdict(self) -> str:
        """Met, missed, or not measured: a difference below zero is of other work on the machine."""
        if self.measured is None or self.measured < 0:
            return "not measured"
        met = self.measured <= self.limit if self.is_ceiling else self.measured >= self.limit
        return "met" if met else "**missed**"


_DENSE = {"LZ4": 0.5, "ZLIB": 0.65, "ZSTD": 0.72}
_DENSE_LAZY = {"LZ4": 0.75, "ZLIB": 0.75, "ZSTD": 0.95}
_MANY = 1_000_000
_NO_SLOWER = 1.05
"""The same, but for the noise of times on the wall."""


def bars(findings: Findings) -> list[Bar]:
    """Hold what was found against every bar, in the order of the issue that set them.

    Those of parts that were left out are not there. Times an event are slopes between two numbers of events:
    without two of them nothing is said. Times on the wall are only judged of a million events and more.
    """
    return [bar for part, of in _GROUPS if part in findings.parts for bar in of(findings)]


def _of_hits(findings: Findings) -> Iterator[Bar]:
    hits = findings.hits
    process, read = hits.slope(PROCESS), hits.slope(OWN_READ)
    above = None if process is None or read is None or process <= read else process - read
    yield _ratio("hits", hits, FUSED_ROOT, 0.25)
    yield _ratio("hits", hits, IDIOMATIC_ROOT, 0.3)
    yield Bar("hits, process less own read", above, 300.0, unit="ns/event")


def _of_flat(findings: Findings) -> Iterator[Bar]:
    yield _ratio("tout2023", findings.flat, FUSED_ROOT, 0.7)


def _of_dense(findings: Findings) -> Iterator[Bar]:
    for peer, limits in ((FUSED_ROOT, _DENSE), (LAZY_ROOT, _DENSE_LAZY)):
        for codec, limit in limits.items():
            yield _ratio(f"every cell filled, {codec}", _codec(findings, codec), peer, limit)
    zstd = _codec(findings, "ZSTD")
    ratio = _divide(zstd.slope(RNTUPLE), zstd.slope(PROCESS))
    yield Bar("every cell filled, ZSTD, RNTuple of ROOT / TTree", ratio, 1.2)


def _of_lzma(findings: Findings) -> Iterator[Bar]:
    yield _ratio("every cell filled, LZMA", _codec(findings, "LZMA"), FUSED_ROOT, 1.0)


def _codec(findings: Findings, codec: str) -> TwoSizes:
    return findings.dense.get(codec, TwoSizes())


def _ratio(sample: str, timings: TwoSizes, peer: str, limit: float) -> Bar:
    """Compare what one event more costs us with what it costs others."""
    return Bar(f"{sample}, process / {peer}", _divide(timings.slope(PROCESS), timings.slope(peer)), limit)


def _of_workers(findings: Findings) -> Iterator[Bar]:
    many, dense = (_of_many(findings, findings.workers.get(name, [])) for name in (MANY_HITS, ONE_DENSE))
    none, one, two = (_with(many, number) for number in range(3))
    cpu = one.ratio(none, "cpu") if one and none else None
    yield Bar("Dask with one worker, CPU / iterative", cpu, 1.15)
    rate = two.ratio(one, "rate") if two and one else None
    yield Bar("two workers, rate / one worker", rate, 1.7, is_ceiling=False)
    one, two = (_with(dense, number) for number in (1, 2))
    wall = 1 / two.ratio(one, "rate") if two and one else None
    yield Bar(f"{ONE_DENSE}, two workers / one, warm, wall", wall, 0.6)


def _of_many(findings: Findings, results: list[T]) -> list[T]:
    """Results whose bars are about many events; of fewer than those, only the start is seen."""
    return results if findings.n_events >= _MANY else []


def _with(results: list[WorkersResult], number: int) -> WorkersResult | None:
    return next((one for one in results if one.workers == number), None)


def _of_commands(findings: Findings) -> Iterator[Bar]:
    for codec in COMMAND_CODECS:
        wall = {one.name: min(one.wall) for one in _of_many(findings, findings.commands.get(codec, []))}
        fastest = min((wall[name] for name in (TWO_PROCESSES, TWO_OF_DASK) if name in wall), default=None)
        one = wall.get(ITERATIVE)
        name = f"whole command, one dense file, {codec}"
        yield Bar(f"{name}, fastest with two workers / iterative, wall", _divide(fastest, one), 0.6)
        chosen = _divide(wall.get(TWO_WORKERS), one)
        yield Bar(f"{name}, --workers 2 / iterative, wall", chosen, _NO_SLOWER)


def _of_reruns(findings: Findings) -> Iterator[Bar]:
    hits = findings.hits
    process, rerun = hits.slope(PROCESS), hits.slope(RERUN)
    for peer in (DUCKDB, POLARS):
        yield Bar(f"{RERUN} / {peer}", _divide(rerun, hits.slope(peer)), 1.0)
    yield Bar("one event more, rerun", rerun, 80.0, unit="ns/event")
    yield Bar("one event more, process / rerun", _divide(process, rerun), 10.0, is_ceiling=False)


def _of_starts(findings: Findings) -> Iterator[Bar]:
    starts = findings.starts
    yield Bar("start of na64 process, kernels compiled before", starts.get("start"), 1.0, unit="s CPU")
    yield Bar("na64 --help", starts.get("help"), 0.1, unit="s CPU")
    more = max(starts["nothing to do"] - starts["start"], 0.0) if starts else None
    yield Bar("na64 process with nothing to do, less the start", more, 2.0, unit="s CPU")


def _of_memory(findings: Findings) -> Iterator[Bar]:
    memory = findings.memory
    few, many = min(memory, default=0), max(memory, default=0)
    sizes = f"{many:,} / {few:,} events" if many > few else "many / few events"
    grown = _divide(memory.get(many), memory.get(few)) if many > few else None
    yield Bar(f"peak anonymous memory, {sizes}", grown, 1.2)


def _divide(one: float | None, other: float | None) -> float | None:
    return None if one is None or not other else one / other


_GROUPS = (
    (Part.HITS, _of_hits),
    (Part.TOUT2023, _of_flat),
    (Part.DENSE, _of_dense),
    (Part.LZMA, _of_lzma),
    (Part.WORKERS, _of_workers),
    (Part.COMMANDS, _of_commands),
    (Part.HITS, _of_reruns),
    (Part.STARTS, _of_starts),
    (Part.MEMORY, _of_memory),
)


def to_lines(findings: Findings) -> Iterator[str]:
    """Set the bars as a table in Markdown."""
    yield "| bar | measured | limit | |"
    yield "|---|---:|---:|---|"
    for bar in bars(findings):
        measured = "" if bar.measured is None else f"{bar.measured:,.2f}".rstrip("0").rstrip(".")
        sign = "<=" if bar.is_ceiling else ">="
        yield f"| {bar.name} | {measured} | {sign} {bar.limit:g} {bar.unit} | {bar.verdict} |"
    yield ""
