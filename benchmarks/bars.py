"""What the figures are held against: every bar with what was measured, and whether it is met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from na64.benchmarks.bench import FUSED_ROOT, IDIOMATIC_ROOT, Findings
from na64.benchmarks.parquet_peers import DUCKDB, POLARS
from na64.benchmarks.programs import OWN_READ, PROCESS, RERUN
from na64.benchmarks.rounds import CpuTiming


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


def bars(findings: Findings) -> list[Bar]:
    """Hold what was found against every bar, in the order of the issue that set them."""
    return [
        *_of_layouts(findings),
        *_of_workers(findings),
        *_of_reruns(findings),
        *_of_starts(findings),
        _of_memory(findings),
    ]


def _of_layouts(findings: Findings) -> Iterator[Bar]:
    main, flat = findings.main, findings.flat
    process, read = per_event(main, PROCESS), per_event(main, OWN_READ)
    above = None if process is None or read is None or process <= read else process - read
    yield Bar("hits, process / RDataFrame fused by hand", _ratio(process, per_event(main, FUSED_ROOT)), 0.6)
    yield Bar("hits, process / idiomatic RDataFrame", _ratio(process, per_event(main, IDIOMATIC_ROOT)), 0.3)
    yield Bar("hits, process less own read", above, 300.0, unit="ns/event")
    of_flat = _ratio(per_event(flat, PROCESS), per_event(flat, FUSED_ROOT))
    yield Bar("tout2023, process / RDataFrame fused by hand", of_flat, 0.7)
    for codec, limit in _DENSE.items():
        timings = findings.dense.get(codec, [])
        ratio = _ratio(per_event(timings, PROCESS), per_event(timings, FUSED_ROOT))
        yield Bar(f"every cell filled, {codec}, process / RDataFrame fused by hand", ratio, limit)


def _of_workers(findings: Findings) -> Iterator[Bar]:
    known = {one.workers: one for one in findings.workers}
    none, one, two = (known.get(workers) for workers in range(3))
    cpu = one.ratio(none, "cpu") if one and none else None
    yield Bar("Dask with one worker, CPU / iterative", cpu, 1.15)
    rate = two.ratio(one, "rate") if two and one else None
    yield Bar("two workers, rate / one worker", rate, 1.7, is_ceiling=False)


def _of_reruns(findings: Findings) -> Iterator[Bar]:
    known = bool(findings.main and findings.sizes)
    rerun = findings.slope(RERUN) if known else None
    for peer in (DUCKDB, POLARS):
        ratio = _ratio(per_event(findings.main, RERUN), per_event(findings.main, peer))
        yield Bar(f"{RERUN} / {peer}", ratio, 1.0)
    cells = findings.slope(PROCESS) if known else None
    yield Bar("one event more, rerun", rerun, 80.0, unit="ns/event")
    yield Bar("one event more, process / rerun", _ratio(cells, rerun), 10.0, is_ceiling=False)


def _of_starts(findings: Findings) -> Iterator[Bar]:
    starts = findings.starts
    yield Bar("start of na64 process, kernels compiled before", starts.get("start"), 1.0, unit="s CPU")
    yield Bar("na64 --help", starts.get("help"), 0.1, unit="s CPU")
    more = max(starts["nothing to do"] - starts["start"], 0.0) if starts else None
    yield Bar("na64 process with nothing to do, less the start", more, 2.0, unit="s CPU")


def _of_memory(findings: Findings) -> Bar:
    few, many = min(findings.memory, default=0), max(findings.memory, default=0)
    sizes = f"{many:,} / {few:,} events" if many > few else "many / few events"
    name = f"peak anonymous memory, {sizes}"
    grown = _ratio(findings.memory.get(many), findings.memory.get(few)) if many > few else None
    return Bar(name, grown, 1.2)


def per_event(timings: list[CpuTiming], name: str) -> float | None:
    """Return ns an event of a program; None if it was not timed."""
    return next((timing.per_event for timing in timings if timing.name == name), None)


def _ratio(one: float | None, other: float | None) -> float | None:
    return None if one is None or not other else one / other


def to_lines(findings: Findings) -> Iterator[str]:
    """Set the bars as a table in Markdown."""
    yield "| bar | measured | limit | |"
    yield "|---|---:|---:|---|"
    for bar in bars(findings):
        measured = "" if bar.measured is None else f"{bar.measured:,.2f}".rstrip("0").rstrip(".")
        sign = "<=" if bar.is_ceiling else ">="
        yield f"| {bar.name} | {measured} | {sign} {bar.limit:g} {bar.unit} | {bar.verdict} |"
    yield ""
