"""The table of a scan, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from na64.outputs.background.table import with_error
from na64.outputs.limits.scan.steps import LEVEL, Scan, ScanStep
from na64.outputs.result.messages import counted
from na64.outputs.result.table import Table, read_csv

TABLE = "scan.csv"
FIGURE = "scan"
"""Names of the table, and of the figure without suffix."""

_WORDS = {True: "yes", False: "no"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRow:
    """Row of `scan.csv`: a step of a scan.

    Attributes
    ----------
    cut, unit : str
    value : float
        Of the first bound.
    second_cut, second_value, second_unit
        The same of the second bound of a map; empty without one.
    selected, others : int
        Visible events that pass all cuts, and all but those that are scanned.
    background, background_error : float
        Events in the box, extrapolated from the sidebands; limits with mean and deviation of their
        distribution.
    background_is_limit : str
        ``yes`` if all or a part of it is only known to be below a limit.
    beam_line, target : str
        What each sideband gives, as a background table shows it.
    efficiency, efficiency_error : float or None
        Simulated signal that is selected in the box, of all that was processed.
    s_over_sqrt_b, s_over_sqrt_b_error : float or None
        Efficiency over the root of the background.
    limit, limit_low, limit_high : float
        Expected limit on signal events at 90 %: median, and the central 68 % of experiments.
    limit_over_efficiency : float or None
        Median limit on the signal that is processed.
    """

    cut: str
    value: float
    unit: str
    second_cut: str = ""
    second_value: float | None = None
    second_unit: str = ""
    selected: int
    others: int
    background: float
    background_error: float
    background_is_limit: str
    beam_line: str
    target: str
    efficiency: float | None
    efficiency_error: float | None
    s_over_sqrt_b: float | None
    s_over_sqrt_b_error: float | None
    limit: float
    limit_low: float
    limit_high: float
    limit_over_efficiency: float | None


def table_of(scan: Scan) -> Table[ScanRow]:
    """Steps of a scan as a table."""
    return Table(ScanRow, [_row(scan, step) for step in scan.steps])


def scanned_before(table: bytes) -> str:
    """What an earlier table was a scan of: its bounds, each with first and last value."""
    try:
        rows = read_csv(table, ScanRow, TABLE).rows
        first, last = rows[0], rows[-1]
    except (ValueError, IndexError):
        return f"an earlier {TABLE}"
    text = f"the scan of {first.cut} from {first.value:g} to {last.value:g}"
    if first.second_value is None or last.second_value is None:
        return text
    return f"{text} and {first.second_cut} from {first.second_value:g} to {last.second_value:g}"


def nominal_row(scan: Scan) -> Table[ScanRow]:
    """The same of the bounds as the selection has them."""
    return Table(ScanRow, [_row(scan, scan.nominal)])


def as_json(table: Table[ScanRow]) -> list[dict[str, object]]:
    """Rows for programs: what the table has in words as true or false."""
    of_words = {word: value for value, word in _WORDS.items()}
    return [
        {**row, "background_is_limit": of_words[str(row["background_is_limit"])]} for row in table.records()
    ]


def _row(scan: Scan, step: ScanStep) -> ScanRow:
    first, *more = scan.axes
    efficiency, significance, reach = step.efficiency, step.significance, step.reach
    n, error = step.background
    low, median, high = step.expected.bands[1:4]
    beam_line, target = (row.text for row in step.sidebands)
    return ScanRow(
        cut=first.bound.path,
        value=step.values[0],
        unit=first.bound.unit,
        second_cut=more[0].bound.path if more else "",
        second_value=step.values[1] if more else None,
        second_unit=more[0].bound.unit if more else "",
        selected=step.selected,
        others=scan.others,
        background=n,
        background_error=error,
        background_is_limit=_WORDS[step.is_limit],
        beam_line=beam_line,
        target=target,
        efficiency=efficiency.value if efficiency else None,
        efficiency_error=efficiency.error if efficiency else None,
        s_over_sqrt_b=significance.value if significance else None,
        s_over_sqrt_b_error=significance.error if significance else None,
        limit=median,
        limit_low=low,
        limit_high=high,
        limit_over_efficiency=reach[1] if reach else None,
    )


def lines(scan: Scan) -> Iterator[str]:
    """What a scan found, line by line."""
    yield f"{scan.selection}, {scan.label}: {counted(scan.others, 'visible event')} pass all other cuts"
    end = f"{scan.fit_end:.1f} GeV" if scan.fit_end else "unknown: the trigger's edge is not found"
    yield f"background: from the two sidebands, fits along E_ECAL up to {end}; other sources are not in it"
    yield from _header(scan)
    shown = scan.steps if len(scan.axes) == 1 else tuple(step for step in (scan.best,) if step)
    yield from (_line(step) for step in shown)
    yield f"{_line(scan.nominal)}  nominal"
    if not shown:
        ordered = sorted(scan.steps, key=lambda step: step.expected.median)
        ends = (f"{_digits(at.expected.median)} at {_place(scan, at)}" for at in (ordered[0], ordered[-1]))
        yield f"expected limits of {counted(len(scan.steps), 'step')}: {' to '.join(ends)}"
    if n_limits := sum(step.is_limit for step in scan.steps):
        yield (
            f"*: in {counted(n_limits, 'step')} the background, or a part of it, is only known to be below a "
            "limit; mean and deviation are those of the distribution that counts"
        )
    if scan.best:
        yield f"least limit over efficiency: {_place(scan, scan.best)}; {_compared(scan, scan.best)}"
    if not scan.as_counted:
        yield (
            f"INCOMPLETE: the result counted {scan.counted:,} selected events, the scan has "
            f"{scan.nominal.selected:,}"
        )


def _header(scan: Scan) -> Iterator[str]:
    names = ", ".join(axis.bound.label for axis in scan.axes)
    yield (
        f"{names}: selected, background, efficiency, expected limit ({LEVEL:.0%}, 68 % of experiments), "
        "limit over efficiency"
    )


def _line(step: ScanStep) -> str:
    n, error = step.background
    background = f"{with_error(n, error)}{' *' if step.is_limit else ''}"
    efficiency = with_error(step.efficiency.value, step.efficiency.error) if step.efficiency else "-"
    low, median, high = step.expected.bands[1:4]
    place = "  ".join(f"{value:>9.5g}" for value in step.values)
    return (
        f"{place}  {step.selected:>10,}  {background:<18}  {efficiency:<18}  "
        f"{f'{_digits(median)} ({_digits(low)} to {_digits(high)})':<22}  "
        f"{_digits(step.reach[1]) if step.reach else '-'}"
    )


def _digits(number: float) -> str:
    """Three digits, by which neighbouring steps differ: 1230 and not 1.23e+03, as far as a million."""
    text = f"{number:.3g}"
    return f"{float(text):.0f}" if "e+" in text and float(text) < 1e6 else text


def _place(scan: Scan, step: ScanStep) -> str:
    return ", ".join(
        f"{axis.bound.path}={value:g}" for axis, value in zip(scan.axes, step.values, strict=True)
    )


def _compared(scan: Scan, step: ScanStep) -> str:
    """How much better a step is than the nominal bounds, and how sure its efficiency is."""
    reach, nominal, efficiency = step.reach, scan.nominal.reach, step.efficiency
    if not (reach and nominal and efficiency):
        return "no signal is selected with the nominal bounds"
    error = efficiency.error / efficiency.value
    return f"{reach[1] / nominal[1]:.3g} times the nominal one; its efficiency has an error of {error:.1%}"
