"""What was found, for people: a table in Markdown and a picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from na64.benchmarks import bars
from na64.benchmarks.bench import FUSED_ROOT, IDIOMATIC_ROOT, Findings
from na64.benchmarks.programs import FLOOR, OWN_READ, PROCESS, RERUN
from na64.benchmarks.rounds import CpuTiming
from na64.benchmarks.workers import WorkersResult


def write(findings: Findings, folder: Path) -> str:
    """Write ``bench.json``, ``bench.md`` and ``bench.svg`` and ``.png``; return the table."""
    table = to_markdown(findings)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.json").write_text(findings.to_json(), encoding="utf-8")
    (folder / "bench.md").write_text(table, encoding="utf-8")
    figure = draw(findings)
    figure.savefig(folder / "bench.png", dpi=150)
    with mpl.rc_context({"svg.hashsalt": "na64", "svg.fonttype": "none"}):
        figure.savefig(folder / "bench.svg", metadata={"Date": None})
    return table


def to_markdown(findings: Findings) -> str:
    """Set all that was measured as tables."""
    return "\n".join(_lines(findings)) + "\n"


def _lines(findings: Findings) -> Iterator[str]:
    yield f"{findings.date}, {findings.machine}; load at the end {findings.load:.1f}. CPU time, user and"
    yield "system, median of interleaved rounds; every program gave the same integers."
    yield ""
    yield from bars.to_lines(findings)
    if findings.main:
        yield from _against(findings.main, "hits layout, TTree LZ4")
        yield from (f"{line}.\n" for line in findings.left_out)
    if findings.main and findings.sizes:
        yield from _slopes(findings)
    if findings.flat:
        yield from _against(findings.flat, "tout2023 layout, TTree LZ4")
    yield from _dense(findings)
    yield from _formats(findings)
    if findings.variations:
        yield from _plain("process from cells, with", findings.variations)
    yield from _scaling(findings)
    if findings.starts:
        yield "| done once | CPU, s |"
        yield "|---|---:|"
        yield from (f"| {name} | {seconds:.2f} |" for name, seconds in findings.starts.items())
        yield ""


def _against(timings: list[CpuTiming], title: str) -> Iterator[str]:
    own = _find(timings, PROCESS).per_event
    yield f"| {title}, {timings[0].n_events:,} events | ns/event | spread | {PROCESS} is |"
    yield "|---|---:|---:|---:|"
    for timing in timings:
        ratio = f"{own / timing.per_event:.2f} x"
        yield f"| {timing.name} | {timing.per_event:,.0f} | {timing.spread:.0%} | {ratio} |"
    yield ""


def _slopes(findings: Findings) -> Iterator[str]:
    small, large = findings.main[0].n_events, findings.sizes[0].n_events
    yield f"| one event more, from {small:,} to {large:,} | ns/event | fixed, s |"
    yield "|---|---:|---:|"
    for timing in findings.sizes:
        slope = findings.slope(timing.name)
        fixed = None if slope is None else timing.median - slope * timing.n_events * 1e-9
        shown = (
            "not measured" if slope is None else f"{slope:,.0f}",
            "" if fixed is None else f"{max(fixed, 0):.2f}",
        )
        yield f"| {timing.name} | {' | '.join(shown)} |"
    yield ""


def _dense(findings: Findings) -> Iterator[str]:
    if not findings.dense:
        return
    columns = findings.dense
    n_events = next(iter(columns.values()))[0].n_events
    size = (
        f"{n_events:,} events above {findings.dense_from:,}"
        if findings.dense_from
        else f"{n_events:,} events"
    )
    title = f"tout2023 with every cell filled, written by {findings.dense_writer}, {size}, ns/event"
    yield f"| {title} | {' | '.join(columns)} |"
    yield f"|---|{'---:|' * len(columns)}"
    for name in (timing.name for timing in next(iter(columns.values()))):
        found = [_find(timings, name).per_event for timings in columns.values()]
        yield f"| {name} | {' | '.join(f'{one:,.0f}' for one in found)} |"
    yield ""


def _formats(findings: Findings) -> Iterator[str]:
    if not findings.formats:
        return
    n_events = next(iter(findings.formats.values()))[0].n_events
    yield f"| layout and format, {n_events:,} events | {PROCESS}, ns/event | {RERUN}, ns/event |"
    yield "|---|---:|---:|"
    for name, timings in findings.formats.items():
        found = [f"{_find(timings, program).per_event:,.0f}" for program in (PROCESS, RERUN)]
        yield f"| {name} | {' | '.join(found)} |"
    yield ""


def _plain(title: str, timings: list[CpuTiming]) -> Iterator[str]:
    yield f"| {title} | ns/event | spread |"
    yield "|---|---:|---:|"
    for timing in timings:
        yield f"| {timing.name} | {timing.per_event:,.0f} | {timing.spread:.0%} |"
    yield ""


def _scaling(findings: Findings) -> Iterator[str]:
    if findings.workers:
        yield from _workers(findings.workers)
    if findings.memory:
        yield "| events | peak anonymous memory, MB |"
        yield "|---:|---:|"
        yield from (f"| {n_events:,} | {peak:,.0f} |" for n_events, peak in findings.memory.items())
        yield ""
    if findings.scheduler:
        yield "| chunks that do nothing | result | ms a chunk | CPU, ms a chunk |"
        yield "|---:|---|---:|---:|"
        for idle in findings.scheduler:
            fate = "kept on disk" if idle.kept else "forgotten"
            yield f"| {idle.chunks:,} | {fate} | {idle.wall:.2f} | {idle.cpu:.2f} |"
        yield ""


def _workers(results: list[WorkersResult]) -> Iterator[str]:
    alone, single = results[:2]
    yield "| Dask workers, warm | events/s | of one | CPU, ns/event | of none | other work, cores | stolen |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for one in results:
        rate = f"{one.median('rate'):,.0f} | {one.ratio(single, 'rate'):.2f} x"
        cpu = f"{one.median('cpu'):,.0f} | {one.ratio(alone, 'cpu'):.2f} x"
        free = f"{one.median('others'):.2f} | {one.median('stolen'):.2f}"
        yield f"| {one.workers or 'none: iterative'} | {rate} | {cpu} | {free} |"
    yield ""
    yield f"Medians of {len(alone.turns)} rounds; ratios are medians of those within a round."
    yield ""


def _find(timings: list[CpuTiming], name: str) -> CpuTiming:
    return next(timing for timing in timings if timing.name == name)


def draw(findings: Findings) -> Figure:
    """Draw the events a second that one core does, program by program."""
    parts = [("hits layout, TTree", findings.main), ("tout2023 layout, TTree", findings.flat)]
    figure = Figure(figsize=(9.0, 5.2), layout="constrained")
    heights = [max(len(timings), 1) for _, timings in parts]
    axes = figure.subplots(len(parts), 1, gridspec_kw={"height_ratios": heights})
    for axis, (title, timings) in zip(axes, parts, strict=True):
        rates = [1e3 / timing.per_event for timing in timings]
        bars = axis.barh([t.name for t in timings], rates, color=[_colour(t.name) for t in timings])
        axis.bar_label(bars, labels=[f"{rate:.2f}" for rate in rates], padding=3, fontsize=8)
        axis.invert_yaxis()
        axis.set_title(title, loc="left", fontsize=10)
        axis.margins(x=0.12)
        axis.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel(f"million events / CPU second ({findings.machine}, {findings.date})", fontsize=9)
    return figure


def _colour(name: str) -> str:
    if name in (FLOOR, OWN_READ):
        return "#b8b8b8"
    return "#8a5a83" if name in (IDIOMATIC_ROOT, FUSED_ROOT) or "coffea" in name else "#1f6f9c"
