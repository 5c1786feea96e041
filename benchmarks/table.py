"""What was found, for people: a table in Markdown and a picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from na64.benchmarks import bars
from na64.benchmarks.end_to_end import CommandTiming
from na64.benchmarks.findings import Findings
from na64.benchmarks.parts import Part
from na64.benchmarks.programs import FLOOR, OWN_READ, PROCESS, RERUN
from na64.benchmarks.rounds import CpuTiming, TwoSizes
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
    yield "system, median of interleaved rounds; every program gave the same integers. What one event more"
    yield "takes is from the least times of two numbers of events, and so are the ratios of the bars."
    yield ""
    yield from bars.to_lines(findings)
    left_out = ", ".join(part.value for part in Part if part not in findings.parts)
    notes = [*findings.notes, f"parts left out: {left_out}"] if left_out else findings.notes
    yield from (f"{line}.\n" for line in notes)
    yield from _against(findings.hits, "hits layout, TTree LZ4")
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


def _against(timings: TwoSizes, title: str) -> Iterator[str]:
    if not timings.many:
        return
    own = _find(timings.many, PROCESS).per_event
    columns = f"ns/event | spread | {PROCESS} is | one event more, ns"
    yield f"| {title}, {timings.many[0].n_events:,} events | {columns} |"
    yield "|---|---:|---:|---:|---:|"
    for one in timings.many:
        ratio, more = f"{own / one.per_event:.2f} x", _number(timings.slope(one.name))
        yield f"| {one.name} | {one.per_event:,.0f} | {_spread(one)} | {ratio} | {more} |"
    yield ""


def _spread(timing: CpuTiming) -> str:
    return f"{timing.spread:.0%}" if len(timing.seconds) > 1 else ""


def _dense(findings: Findings) -> Iterator[str]:
    if not findings.dense:
        return
    codecs = findings.dense
    title = f"tout2023 with every cell filled, written by {findings.dense_writer}; one event more, ns"
    yield f"| {title} | {' | '.join(codecs)} |"
    yield f"|---|{'---:|' * len(codecs)}"
    for name in dict.fromkeys(one.name for timings in codecs.values() for one in timings.many):
        yield f"| {name} | {' | '.join(_more(timings, name) for timings in codecs.values())} |"
    yield f"| from, events | {' | '.join(_size(timings.few) for timings in codecs.values())} |"
    yield f"| to, events | {' | '.join(_size(timings.many) for timings in codecs.values())} |"
    yield ""


def _more(timings: TwoSizes, name: str) -> str:
    """One event more; or any event, where that was not measured."""
    slope, whole = timings.slope(name), [one for one in timings.many if one.name == name]
    if slope is None and whole:
        return f"{whole[0].per_event:,.0f} with the start"
    return _number(slope)


def _number(slope: float | None) -> str:
    return "" if slope is None else f"{slope:,.0f}"


def _size(timings: list[CpuTiming]) -> str:
    return f"{timings[0].n_events:,}" if timings else "too few"


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
        yield f"| {timing.name} | {timing.per_event:,.0f} | {_spread(timing)} |"
    yield ""


def _scaling(findings: Findings) -> Iterator[str]:
    for name, results in findings.workers.items():
        yield from _workers(name, results)
    for codec, commands in findings.commands.items():
        yield from _commands(codec, commands)
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


def _workers(name: str, results: list[WorkersResult]) -> Iterator[str]:
    alone, single = results[:2]
    columns = "events/s | of one | CPU, ns/event | of none | other work, cores | stolen"
    yield f"| Dask workers, warm, {name} | {columns} |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for one in results:
        rate = f"{one.median('rate'):,.0f} | {one.ratio(single, 'rate'):.2f} x"
        cpu = f"{one.median('cpu'):,.0f} | {one.ratio(alone, 'cpu'):.2f} x"
        free = f"{one.median('others'):.2f} | {one.median('stolen'):.2f}"
        yield f"| {one.workers or 'none: iterative'} | {rate} | {cpu} | {free} |"
    yield ""
    yield f"Medians of {len(alone.turns)} rounds; ratios are medians of those within a round."
    yield ""


def _commands(codec: str, commands: list[CommandTiming]) -> Iterator[str]:
    own = min(commands[0].wall)
    yield f"| whole command, one dense file, {codec} | wall, s | of the first | CPU, s |"
    yield "|---|---:|---:|---:|"
    for one in commands:
        wall = min(one.wall)
        yield f"| {one.name} | {wall:.2f} | {wall / own:.2f} x | {min(one.cpu):.2f} |"
    yield ""
    yield f"Least of {len(commands[0].wall)} rounds, from the start of a program to its end: ours with"
    yield "imports, products and feature store, without report; RDataFrame with PyROOT, compiled before."
    yield ""


def _find(timings: list[CpuTiming], name: str) -> CpuTiming:
    return next(timing for timing in timings if timing.name == name)


def draw(findings: Findings) -> Figure:
    """Draw the events a second that one core does, program by program."""
    samples = {"hits layout, TTree LZ4": findings.hits, "tout2023 layout, TTree LZ4": findings.flat}
    samples |= {f"tout2023 with every cell filled, {codec}": found for codec, found in findings.dense.items()}
    parts = [_rates(title, timings) for title, timings in samples.items() if timings.many]
    n_bars = sum(len(rates) for _, rates in parts)
    figure = Figure(figsize=(9.0, 1.0 + 0.6 * len(parts) + 0.22 * n_bars), layout="constrained")
    heights = [len(rates) + 1 for _, rates in parts]
    if parts:
        axes = figure.subplots(len(parts), 1, height_ratios=heights, squeeze=False)[:, 0]
        for axis, (title, rates) in zip(axes, parts, strict=True):
            _draw_rates(axis, title, rates)
    figure.supxlabel(f"million events / CPU second ({findings.machine}, {findings.date})", fontsize=9)
    return figure


def _rates(title: str, timings: TwoSizes) -> tuple[str, dict[str, float]]:
    """Million events a second by program; the start is apart where that is known of all of them."""
    slopes = {one.name: timings.slope(one.name) for one in timings.many}
    more = {name: slope for name, slope in slopes.items() if slope is not None}
    if len(more) < len(slopes):
        title, more = f"{title}, with the start", {one.name: one.per_event for one in timings.many}
    return title, {name: 1e3 / slope for name, slope in more.items()}


def _draw_rates(axis: Axes, title: str, rates: dict[str, float]) -> None:
    drawn = axis.barh(list(rates), list(rates.values()), color=[_colour(name) for name in rates])
    axis.bar_label(drawn, labels=[f"{rate:.3g}" for rate in rates.values()], padding=3, fontsize=8)
    axis.invert_yaxis()
    axis.set_title(title, loc="left", fontsize=10)
    axis.tick_params(labelsize=8)
    axis.margins(x=0.12)
    axis.spines[["top", "right"]].set_visible(False)


def _colour(name: str) -> str:
    if name in (FLOOR, OWN_READ):
        return "#b8b8b8"
    return "#1f6f9c" if name.startswith(("process", "rerun")) else "#8a5a83"
