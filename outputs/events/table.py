"""One visible event as lines of text."""

from __future__ import annotations

import math
from collections.abc import Iterator

from na64.datasets.instrument.roles import Role
from na64.outputs.events.event_record import EventRecord

_SUMS = {
    "ECAL": ("ecal", "ecal_total", "GeV", 1.0),
    "preshower": ("preshower", "preshower_total", "GeV", 1.0),
    "HCAL": ("hcal", "hcal_total", "GeV", 1.0),
    "VHCAL": ("vhcal", "vhcal_total", "GeV", 1.0),
}
_COUNTERS = {"SRD": ("srd", 3), "VETO": ("veto", 3)}
_MEV = 1000.0
_MOST_PARTS = 6


def lines(record: EventRecord) -> Iterator[str]:
    """Origin of an event, its energies, and the result of each cut."""
    yield f"event {record.number} ({record.label}): region {record.region}, {record.verdict}"
    trigger = "" if record.trigger is None else f", trigger word {record.trigger:#x}"
    yield f"  {record.file}, entry {record.entry}{trigger}"
    for name, (in_time, total, unit, factor) in _SUMS.items():
        if name == "VHCAL" and "vhcal" not in record.setup.detectors:
            continue
        numbers = record.values[in_time] * factor, record.values[total] * factor
        yield f"  {name:<10}{numbers[0]:9.2f} of {numbers[1]:.2f} {unit} in time"
    for name, (feature, n_counters) in _COUNTERS.items():
        there = range(_n_parts(record, feature, n_counters))
        counters = "  ".join(f"{record.values[f'{feature}_{n}'] * _MEV:.2f}" for n in there)
        yield f"  {name:<10}{counters} MeV in time"
    for name, text in further_parts(record):
        yield f"  {name:<10}{text} in time"
    yield f"  {'cut':<18}{'':<6}{'value':>12}       condition"
    before = ""
    for check in record.checks:
        name = check.cut if check.cut != before else ""
        mark = "pass" if check.passed else "FAIL"
        before = check.cut
        yield f"  {name:<18}{mark:<6}{number(check.value):>12} {check.unit:<5} {check.bound}"


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
