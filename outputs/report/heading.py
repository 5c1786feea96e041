"""What every figure says of its events: what they are, the exposure, the periods and the beam."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path

from na64.datasets.basics.atomic_file import write_bytes
from na64.datasets.basics.json_records import parse_object
from na64.outputs.result.store import LABEL
from na64.outputs.result.summary import Summary

_MOST = 3
"""Periods and beams that are named."""

_SIGNS = {"e-": "$e^-$", "e+": "$e^+$", "mu-": r"$\mu^-$", "mu+": r"$\mu^+$", "pi-": r"$\pi^-$"} | {
    "pi+": r"$\pi^+$",
    "K-": "$K^-$",
    "K+": "$K^+$",
}


def heading(summary: Summary, status: str = "") -> str:
    """Two lines above a figure: status and origin of the events; exposure, periods and beam.

    Parameters
    ----------
    summary : Summary
    status : str
        As ``Preliminary``; empty for none.
    """
    first = f"{italic(status)} {summary.label}" if status else summary.label
    return f"{first}\n{details(summary)}" if details(summary) else first


def details(summary: Summary) -> str:
    """Exposure, periods and beam of the physics runs of a result."""
    exposures = [f"{power_of_ten(e.delivered)} {e.label}" for e in summary.exposures if e.delivered]
    return ", ".join(
        [*exposures, *named_runs((run.period, *summary.beam_of(run)) for run in summary.rate_runs)]
    )


def named_runs(runs: Iterable[tuple[str, str, float]]) -> list[str]:
    """Periods and beams of runs, given by period, particle and energy (GeV; 0 or nan if unknown)."""
    listed = list(runs)
    periods = dict.fromkeys(period for period, _, _ in listed if period)
    beams = dict.fromkeys(
        f"{_SIGNS.get(particle, particle)} {energy:g} GeV".strip()
        for _, particle, energy in listed
        if energy > 0
    )
    return [*_named(list(periods), "periods"), *_named(list(beams), "beams")]


def plain_heading(summary: Summary, status: str = "") -> str:
    """The same in one line of plain letters, as a page that draws itself has it."""
    words = " ".join(part for part in ("NA64", status, summary.label) if part)
    known = details(summary)
    for sign, name in (
        (r"\times10^{", "e"),
        ("}$", ""),
        (r"$\mu^", "mu"),
        (r"$\pi^", "pi"),
        ("$", ""),
        ("^", ""),
    ):
        known = known.replace(sign, name)
    return f"{words}; {known}" if known else words


def _named(names: list[str], what: str) -> list[str]:
    return names if len(names) <= _MOST else [f"{len(names)} {what}"]


def power_of_ten(number: float) -> str:
    """A number as a mantissa and a power of ten, in mathematical notation."""
    exponent = math.floor(math.log10(number))
    return rf"${float(f'{number / 10.0**exponent:.3g}'):g}\times10^{{{exponent}}}$"


def italic(text: str) -> str:
    """Text in italics, if it is letters and spaces, else as it is."""
    if not text.replace(" ", "").isalpha():
        return text
    return rf"$\mathit{{{text.strip()}}}$".replace(" ", r"\ ")


def read_status(folder: Path) -> str:
    """Status that the figures of a result have; empty if none was given."""
    path = folder / LABEL
    if not path.exists():
        return ""
    return str(parse_object(path.read_bytes(), path.name).get("label", ""))


def write_status(folder: Path, status: str) -> None:
    """Remember the status of a result's figures."""
    text = json.dumps({"label": status.strip()}, ensure_ascii=False)
    write_bytes(folder / LABEL, f"{text}\n".encode())
