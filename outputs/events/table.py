"""One visible event as lines of text."""

from __future__ import annotations

import math
from collections.abc import Iterator

from na64.datasets.instrument.roles import (
    CALORIMETER,
    COUNTERS,
    MODULES,
    PADDLES,
    STANDARD_ROLES,
    SURROUNDING,
    Role,
)
from na64.outputs.events.event_record import EventRecord

_SUMS = (CALORIMETER, "preshower", MODULES, SURROUNDING)
_COUNTERS = (COUNTERS, PADDLES)
_MOST_COUNTERS = 3
_MEV = 1000.0
_MOST_PARTS = 6


def lines(record: EventRecord) -> Iterator[str]:
    """Origin of an event, its energies, and the result of each cut."""
    yield f"event {record.number} ({record.label}): region {record.region}, {record.verdict}"
    trigger = "" if record.trigger is None else f", trigger word {record.trigger:#x}"
    yield f"  {record.file}, entry {record.entry}{trigger}"
    for name in _SUMS:
        if name == SURROUNDING and name not in record.setup.detectors:
            continue
        in_time, total = record.values[name], record.values[f"{name}_total"]
        yield f"  {_shown(name):<10}{in_time:9.2f} of {total:.2f} GeV in time"
    for name in _COUNTERS:
        there = range(_n_parts(record, name, _MOST_COUNTERS))
        counters = "  ".join(f"{record.values[f'{name}_{n}'] * _MEV:.2f}" for n in there)
        yield f"  {_shown(name):<10}{counters} MeV in time"
    for name, text in further_parts(record):
        yield f"  {name:<10}{text} in time"
    yield f"  {'cut':<18}{'':<6}{'value':>12}       condition"
    before = ""
    for check in record.checks:
        name = check.cut if check.cut != before else ""
        mark = "pass" if check.passed else "FAIL"
        before = check.cut
        yield f"  {name:<18}{mark:<6}{number(check.value):>12} {check.unit:<5} {check.bound}"


def _shown(name: str) -> str:
    return name.upper() if name in STANDARD_ROLES else name


def _n_parts(record: EventRecord, detector: str, most: int) -> int:
    """Counters or paddles of a standard detector that have features."""
    known = record.setup.detectors
    return min(known[detector].n_parts, most) if detector in known else most


def further_parts(record: EventRecord) -> Iterator[tuple[str, str]]:
    """Name of each further detector, and what its planes, modules, counters or paddles have in time.

    A tracker has its number of hits. Of a detector with many parts it is the sum.
    """
    for detector in record.setup.further:
        name, values = detector.name, record.values
        if detector.role is Role.TRACKER:
            yield name.upper(), f"{number(values.get(f'{name}_n_hits'))} hits"
            continue
        parts = [values.get(f"{name}_{part}", math.nan) for part in range(detector.n_parts)]
        if all(map(math.isnan, parts)):
            continue  # the file has none
        if len(parts) > _MOST_PARTS:
            parts = [values.get(f"{name}_sum", math.nan)]
        large = any(part >= 1.0 for part in parts)
        shown = [f"{part:.3f}" if large else f"{part * _MEV:.2f}" for part in parts]
        yield name.upper(), f"{'  '.join(shown)} {'GeV' if large else 'MeV'}"


def number(value: float | None) -> str:
    """Write a value with four digits that count; a dash where there is no single one."""
    if value is None or not math.isfinite(value):
        return "-" if value is None else str(value)
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e6 else f"{value:.4g}"
