"""One visible event as lines of text."""

from __future__ import annotations

import math
from collections.abc import Iterator

from na64.outputs.events.event_record import EventRecord

_SUMS = {
    "ECAL": ("ecal", "ecal_total", "GeV", 1.0),
    "preshower": ("preshower", "preshower_total", "GeV", 1.0),
    "HCAL": ("hcal", "hcal_total", "GeV", 1.0),
    "VHCAL": ("vhcal", "vhcal_total", "GeV", 1.0),
}
_COUNTERS = {"SRD": ("srd", 3), "VETO": ("veto", 3)}
_MEV = 1000.0


def lines(record: EventRecord) -> Iterator[str]:
    """Origin of an event, its energies, and the result of each cut."""
    yield f"event {record.number} ({record.label}): region {record.region}, {record.verdict}"
    trigger = "" if record.trigger is None else f", trigger word {record.trigger:#x}"
    yield f"  {record.file}, entry {record.entry}{trigger}"
    for name, (in_time, total, unit, factor) in _SUMS.items():
        numbers = record.values[in_time] * factor, record.values[total] * factor
        yield f"  {name:<10}{numbers[0]:9.2f} of {numbers[1]:.2f} {unit} in time"
    for name, (feature, n_counters) in _COUNTERS.items():
        counters = "  ".join(f"{record.values[f'{feature}_{n}'] * _MEV:.2f}" for n in range(n_counters))
        yield f"  {name:<10}{counters} MeV in time"
    yield f"  {'cut':<18}{'':<6}{'value':>12}       condition"
    before = ""
    for check in record.checks:
        name = check.cut if check.cut != before else ""
        mark = "pass" if check.passed else "FAIL"
        before = check.cut
        yield f"  {name:<18}{mark:<6}{number(check.value):>12} {check.unit:<5} {check.bound}"


def number(value: float | None) -> str:
    """Write a value with four digits that count; a dash where there is no single one."""
    if value is None or not math.isfinite(value):
        return "-" if value is None else str(value)
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e6 else f"{value:.4g}"
