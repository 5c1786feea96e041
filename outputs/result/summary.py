"""What `result.json` holds: the verdict, the accounting, and what the tables and histograms are of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from na64.datasets.basics.identity import identity
from na64.datasets.basics.json_records import parse_object, record_of
from na64.datasets.basics.sourced_values import Fact
from na64.datasets.conditions.on_target import UNKNOWN, KindExposure, add_by_kind
from na64.datasets.conditions.stated_boxes import INVISIBLE

SCHEMA = 1
"""Version of `result.json`."""

_NAME = "result.json"
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


class Role(Enum):
    """What a histogram is for."""

    PLANE = "plane"
    N_MINUS_ONE = "n_minus_one"
    SELECTION = "selection"


def skipped_in(counts: Mapping[str, int]) -> int:
    """Events of an accounting that were read and could not be used, for whatever reason."""
    return sum(number for name, number in counts.items() if name.startswith("skipped_"))


@dataclass(frozen=True, slots=True)
class IntervalFacts:
    """One interval: ``low <= feature <= high`` in float32, None where there is no bound.

    Attributes
    ----------
    feature, unit : str
    text : str
        As a physicist reads it: ``0.001 < srd_0 < 0.08 GeV``.
    low, high : float or None
        In the feature's unit.
    table : str
        The upper bound bin by bin, where it depends on another feature; else empty.
    """

    feature: str
    unit: str
    text: str
    low: float | None = None
    high: float | None = None
    table: str = ""


@dataclass(frozen=True, slots=True)
class CutFacts:
    """A cut: its name, its intervals and where the numbers come from.

    Attributes
    ----------
    more : tuple of str
        What else it asks for: alternatives, what must not hold, other bounds in some runs.
    """

    name: str
    intervals: tuple[IntervalFacts, ...]
    source: str = ""
    label: str = ""
    is_unverified: bool = False
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RegionFacts(CutFacts):
    """A region, as a cut, and how it is drawn.

    Attributes
    ----------
    colour, marker : str
        Empty where the selection leaves them open.
    """

    colour: str = ""
    marker: str = ""


@dataclass(frozen=True, slots=True)
class PlaneFacts:
    """A plane, as it is drawn.

    Attributes
    ----------
    name, label : str
    zoom : float or None
        A second panel shows the second axis up to this value, in its unit.
    log_colour : bool
    """

    name: str
    label: str
    zoom: float | None = None
    log_colour: bool = True


@dataclass(frozen=True, slots=True)
class VariationFacts:
    """A variation: its name, what it changes line by line, and where its size comes from.

    Attributes
    ----------
    moves_plane : bool
        It changes the energies of ECAL or HCAL: of data, events are hidden that would be in the box then.
    """

    name: str
    texts: tuple[str, ...]
    source: str = ""
    label: str = ""
    is_unverified: bool = False
    moves_plane: bool = False


IN_RUNS = "runs "
"""How `CutFacts.more` begins where a cut has other bounds in some runs."""


@dataclass(frozen=True, slots=True)
class SelectionFacts:
    """The selection in words and numbers.

    Attributes
    ----------
    skipped_at_most : float
        Share of the recorded events of a run that may be unusable.
    settings : tuple of str
        Values that were set for this result in place of those of the file.
    planes : tuple of PlaneFacts
        The first is there after every cut.
    """

    name: str
    label: str
    description: str
    cuts: tuple[CutFacts, ...]
    regions: tuple[RegionFacts, ...]
    yields_after: str
    variations: tuple[VariationFacts, ...] = ()
    skipped_at_most: float = 0.001
    settings: tuple[str, ...] = ()
    planes: tuple[PlaneFacts, ...] = (PlaneFacts("energy", "ECAL and HCAL energy", 6.0),)

    @property
    def region_names(self) -> tuple[str, ...]:
        """Columns of the regions, in order."""
        return tuple(region.name for region in self.regions)

    @property
    def cuts_identity(self) -> str:
        """Name what the cuts keep, whatever they are called: twelve digits of a hash of their intervals."""
        cuts = [
            [*([i.feature, i.low, i.high, i.table] for i in cut.intervals), *cut.more] for cut in self.cuts
        ]
        return identity(cuts)[:12]

    @property
    def divided(self) -> tuple[str, ...]:
        """Cuts that have other bounds in some runs, so that other runs do not stand for these."""
        return tuple(cut.name for cut in self.cuts if any(text.startswith(IN_RUNS) for text in cut.more))


@dataclass(frozen=True, slots=True)
class ClosedEdges:
    """Where the hidden region of a box begins and ends in a feature; None where it has no edge."""

    feature: str
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class ClosedFacts:
    """A closed box that is not the one below two energies.

    Attributes
    ----------
    search : str
    text : str
        Its hidden region in words.
    ecal, hcal : tuple of float or None
        GeV; where the hidden region begins and ends in the plane, None where it has no edge.
    covers : bool
        Whether all that the plane shows there is hidden, and not a part of it.
    edges : tuple of ClosedEdges
        The same of every feature that the box is about.
    """

    search: str
    text: str
    ecal: tuple[float | None, float | None]
    hcal: tuple[float | None, float | None]
    covers: bool
    edges: tuple[ClosedEdges, ...] = ()


@dataclass(frozen=True, slots=True)
class BoxFacts:
    """The closed boxes of a period: the one of the selection's search in GeV; ``guard_*`` are added to it.

    Attributes
    ----------
    search : str
    is_rectangle : bool
        The search has one box, below an ECAL and an HCAL energy; otherwise the four numbers are 0.
    others : tuple of ClosedFacts
        Every other closed box.
    hcal_modules : tuple of int
        Modules whose in-time sum is the plane's E_HCAL.
    particle, beam_energy : str, float
        Of the beam; empty and 0 in results that do not state it.
    packaged_too : bool
        Of data, what the packaged set-up hides is hidden too, which may be beyond the guard band.
    """

    period: str
    ecal: float
    hcal: float
    guard_ecal: float
    guard_hcal: float
    source: str = ""
    hcal_modules: tuple[int, ...] = (0, 1, 2)
    particle: str = ""
    beam_energy: float = 0.0
    packaged_too: bool = False
    search: str = INVISIBLE
    is_rectangle: bool = True
    others: tuple[ClosedFacts, ...] = ()

    def rectangle(self) -> BoxFacts:
        """The box, if it is below an ECAL and an HCAL energy.

        Raises
        ------
        ValueError
            It is not; names the period and the search.
        """
        if not self.is_rectangle:
            raise ValueError(
                f"period {self.period}: the signal box of search {self.search} is not below two energies, of "
                "ECAL and HCAL"
            )
        return self


@dataclass(frozen=True, slots=True)
class PeriodFacts:
    """Every number that a period brought in, with its source."""

    name: str
    facts: tuple[Fact, ...]


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

    def __post_init__(self) -> None:
        counts = self.accounting
        skipped = skipped_in(counts)
        found = counts["processed"] + skipped + counts["missing"]
        if counts["recorded"] != found or min(counts.values()) < 0 or counts["hidden"] > counts["processed"]:
            raise ValueError(f"run {self.run}: the accounting does not add up: {dict(counts)}")


@dataclass(frozen=True, slots=True)
class HistogramFacts:
    """What a histogram shows, which events are in it, the cut and the plane it belongs to."""

    name: str
    label: str
    title: str
    role: Role
    cut: str = ""
    plane: str = ""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Files that were registered, and those that were not read with the reason."""

    registered: int
    read: int
    not_read: tuple[tuple[str, str], ...] = ()


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
    schema: int = SCHEMA
    opening: str = ""

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
            origin = "simulated campaign treated as data" if self.has_truth else "data"
            return f"{origin}, {self.opening or self.blinding.value}"
        return "unverified simulation" if self.is_unverified else "simulation"

    @property
    def exposures(self) -> tuple[KindExposure, ...]:
        """Particles on target of the runs that have a record, by kind."""
        return add_by_kind((self.particle_of(run), run.eot_delivered, run.eot_live) for run in self.runs)

    @property
    def delivered(self) -> KindExposure | None:
        """Particles on target, if there is a record of every run and all are of one kind."""
        kinds = self.exposures
        known = all(run.eot_delivered is not None for run in self.runs)
        return kinds[0] if known and len(kinds) == 1 else None

    def particle_of(self, run: RunAccounting) -> str:
        """Beam particle of a run: its own, or that of its period in results that state no other."""
        of_period = (box.particle for box in self.boxes if box.period == run.period)
        return run.particle or next(of_period, UNKNOWN)

    @property
    def runs_without_eot(self) -> tuple[int, ...]:
        """Runs of unknown exposure."""
        return tuple(run.run for run in self.runs if run.eot_delivered is None and run.eot_live is None)


def planes_of(summary: Summary, plane: PlaneFacts) -> Iterator[HistogramFacts]:
    """Histograms of a plane, by stage; in results that do not name planes all are of the first."""
    names = (plane.name, "") if plane == summary.selection.planes[0] else (plane.name,)
    yield from (f for f in summary.histograms if f.role is Role.PLANE and f.plane in names)


def to_json(summary: Summary) -> bytes:
    """Canonical JSON: sorted keys, two spaces, no infinities."""
    plain = asdict(summary, dict_factory=_plain_fields)
    del plain["opening"]
    return (json.dumps(plain, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n").encode()


def from_json(data: bytes) -> Summary:
    """Summary that `to_json` wrote; another schema is refused."""
    plain = parse_object(data, _NAME)
    if plain.get("schema") != SCHEMA:
        raise ValueError(f"{_NAME} has schema {plain.get('schema')}: this version reads {SCHEMA}")
    found = record_of(Summary, plain, _NAME)
    for name in (*_TOTALS, *found.selection.region_names, *(["hidden"] if found.is_data else [])):
        if name not in found.totals:
            raise ValueError(f'{_NAME}: totals: "{name}" is missing')
    return found


def _plain_fields(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key: value.value if isinstance(value, Enum) else value for key, value in items}
