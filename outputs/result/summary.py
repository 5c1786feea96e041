"""What `result.json` holds: the verdict, the accounting, and what the tables and histograms are of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from na64.datasets.basics import json_records
from na64.datasets.basics.identity import bytes_digest
from na64.datasets.basics.json_records import parse_object, record_of
from na64.datasets.conditions.conditions import RunType
from na64.datasets.conditions.on_target import UNKNOWN, KindExposure, add_by_kind
from na64.outputs.result.summary_facts import (
    BoxFacts,
    FileFacts,
    HistogramFacts,
    PeriodFacts,
    PlaneFacts,
    Role,
    SelectionFacts,
)

PSEUDO_DATA = "simulated pseudo-data"
"""Simulated events that are treated as data: blind, and without their weights."""

SCHEMA = 1
"""Version of `result.json`."""

_NAME = "result.json"
_SEAL = "seal"
_TOTALS = ("recorded", "processed", "missing", "visible", "selected")


class Verdict(Enum):
    """Whether everything that was asked for was read."""

    COMPLETE = "COMPLETE"
    INCOMPLETE = "INCOMPLETE"


class Blinding(Enum):
    """What happened to the events of the hidden region."""

    BLIND = "blind"
    NOT_BLINDED = "not blinded"
    UNBLINDED = "unblinded"


def skipped_in(counts: Mapping[str, int]) -> int:
    """Events of an accounting that were read and could not be used, for whatever reason."""
    return sum(number for name, number in counts.items() if name.startswith("skipped_"))


@dataclass(frozen=True, slots=True)
class RunAccounting:
    """Accounting and exposure of a run.

    Attributes
    ----------
    accounting : mapping of str to int
        ``recorded, processed, hidden, missing`` and ``skipped_<reason>``.
    eot_delivered, eot_live : float or None
        Particles on target; None where there is no record.
    identities : mapping of str to str
        What only this run depends on, part by part.
    particle, energy : str, float
        Of the beam, GeV; empty and 0 in results that do not state it.
    valueless : mapping of str to int
        Visible events in files where none of the run has a value of a feature that the selection looks at, by
        that feature.
    unjudged : mapping of str to int
        Hidden events in files without what a feature is made of that a signal box needs, by that feature.
    """

    run: int
    period: str
    type: str
    accounting: Mapping[str, int]
    eot_delivered: float | None = None
    eot_live: float | None = None
    identities: Mapping[str, str] = field(default_factory=dict)
    particle: str = UNKNOWN
    energy: float = 0.0
    valueless: Mapping[str, int] = field(default_factory=dict)
    unjudged: Mapping[str, int] = field(default_factory=dict)

    @property
    def visible(self) -> int:
        """Processed events that are not hidden."""
        return self.accounting["processed"] - self.accounting["hidden"]

    def __post_init__(self) -> None:
        counts = self.accounting
        skipped = skipped_in(counts)
        found = counts["processed"] + skipped + counts["missing"]
        if counts["recorded"] != found or min(counts.values()) < 0 or counts["hidden"] > counts["processed"]:
            raise ValueError(f"run {self.run}: the accounting does not add up: {dict(counts)}")


@dataclass(frozen=True, slots=True)
class Summary:
    """The whole of `result.json`.

    Attributes
    ----------
    reasons : tuple of str
        Why the result is incomplete.
    is_data : bool
        Recorded events, or simulated ones catalogued as if they were.
    has_truth : bool
        Some of the files have truth columns: they were simulated.
    totals : mapping of str to int
        The accounting summed over runs, then ``visible, selected, region_I, region_II, region_III``.
    identities : mapping of str to str
        sha256 of what made the result.
    valueless : mapping of str to int
        Visible events in files where none has a value of a feature that the selection looks at, by that
        feature; of each run those of its own.
    products : mapping of str to str
        sha256 of the tables and histograms that belong to it.
    opening : str
        When and under which freeze the box was opened; not stored: the blind result stays as it is.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    is_data: bool
    has_truth: bool
    blinding: Blinding
    scope: str
    totals: Mapping[str, int]
    runs: tuple[RunAccounting, ...]
    selection: SelectionFacts
    boxes: tuple[BoxFacts, ...]
    periods: tuple[PeriodFacts, ...]
    histograms: tuple[HistogramFacts, ...]
    files: FileFacts
    warnings: tuple[str, ...]
    failures: tuple[str, ...]
    identities: Mapping[str, str]
    products: Mapping[str, str] = field(default_factory=dict)
    valueless: Mapping[str, int] = field(default_factory=dict)
    schema: int = SCHEMA
    opening: str = ""

    @property
    def without_values(self) -> frozenset[str]:
        """Features that the selection looks at and of which no visible event has a value."""
        return frozenset(name for name, n in self.valueless.items() if n == self.totals["visible"])

    @property
    def is_unverified(self) -> bool:
        """Whether this is said to be simulation while no file says so."""
        return not self.is_data and not self.has_truth

    @property
    def skipped(self) -> int:
        """Events that were read and could not be used."""
        return skipped_in(self.totals)

    @property
    def label(self) -> str:
        """What every figure says about its events."""
        if self.is_data:
            origin = PSEUDO_DATA if self.has_truth else "data"
            return f"{origin}, {self.opening or self.blinding.value}"
        return "unverified simulation" if self.is_unverified else "simulation"

    @property
    def exposures(self) -> tuple[KindExposure, ...]:
        """Particles on target of the `rate_runs` that have a record, by kind."""
        return add_by_kind((self.particle_of(run), run.eot_delivered, run.eot_live) for run in self.rate_runs)

    @property
    def delivered(self) -> KindExposure | None:
        """Particles on target, if there is a record of each of the `rate_runs` and all are of one kind."""
        kinds = self.exposures
        known = all(run.eot_delivered is not None for run in self.rate_runs)
        return kinds[0] if known and len(kinds) == 1 else None

    @property
    def physics_runs(self) -> tuple[RunAccounting, ...]:
        """Runs that are not known to be of another type."""
        return tuple(run for run in self.runs if RunType(run.type).is_physics)

    @property
    def rate_runs(self) -> tuple[RunAccounting, ...]:
        """Runs of which numbers of events may be divided by particles on target: those of physics.

        Calibration and beam runs have particles on target too, but few or no events that pass the cuts. They
        count in results that have no others.
        """
        return self.physics_runs or self.runs

    @property
    def other_runs(self) -> tuple[int, ...]:
        """Calibration and beam runs beside physics runs."""
        kept = {run.run for run in self.rate_runs}
        return tuple(run.run for run in self.runs if run.run not in kept)

    def beam_of(self, run: RunAccounting) -> tuple[str, float]:
        """Particle and energy (GeV) of a run: its own, or those of its period in results that state no other.

        The energy is 0 where neither is known.
        """
        of_period = ((box.particle, box.beam_energy) for box in self.boxes if box.period == run.period)
        particle, energy = next(of_period, (UNKNOWN, 0.0))
        return run.particle or particle, run.energy or energy

    def particle_of(self, run: RunAccounting) -> str:
        """Beam particle of a run."""
        return self.beam_of(run)[0]

    @property
    def runs_without_eot(self) -> tuple[int, ...]:
        """Those of the `rate_runs` whose exposure is unknown."""
        return tuple(run.run for run in self.rate_runs if run.eot_delivered is None and run.eot_live is None)


def planes_of(summary: Summary, plane: PlaneFacts) -> Iterator[HistogramFacts]:
    """Histograms of a plane, by stage; in results that do not name planes all are of the first."""
    names = (plane.name, "") if plane == summary.selection.planes[0] else (plane.name,)
    yield from (f for f in summary.histograms if f.role is Role.PLANE and f.plane in names)


def to_json(summary: Summary) -> bytes:
    """Canonical JSON: sorted keys, two spaces, no infinities; with a seal, the hash of the rest."""
    plain = asdict(summary, dict_factory=_plain_fields)
    del plain["opening"]
    return json_records.to_json({**plain, _SEAL: _seal(plain)})


def from_json(data: bytes, *, edited_too: bool = False) -> Summary:
    """Summary that `to_json` wrote.

    Parameters
    ----------
    data : bytes
    edited_too : bool
        Read one that was edited too: to know whose it is, not to take numbers from it.

    Raises
    ------
    ValueError
        It is of another schema, damaged, or was edited: exposures and boxes are here alone.
    """
    plain = parse_object(data, _NAME)
    seal = plain.pop(_SEAL, None)  # results of before have none
    if seal not in (None, _seal(plain)) and not edited_too:
        raise ValueError(f"{_NAME}: it was edited after it was written; the same na64 process makes it anew")
    if plain.get("schema") != SCHEMA:
        raise ValueError(f"{_NAME} has schema {plain.get('schema')}: this version reads {SCHEMA}")
    found = record_of(Summary, plain, _NAME)
    for name in (*_TOTALS, *found.selection.region_names, *(["hidden"] if found.is_data else [])):
        if name not in found.totals:
            raise ValueError(f'{_NAME}: totals: "{name}" is missing')
    return found


def _seal(plain: Mapping[str, object]) -> str:
    return bytes_digest(json_records.to_json(plain))


def _plain_fields(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key: value.value if isinstance(value, Enum) else value for key, value in items}
