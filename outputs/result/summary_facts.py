"""The parts of a summary: selection, regions, boxes, periods, histograms and files, as in `result.json`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from na64.datasets.basics.identity import identity
from na64.datasets.basics.sourced_values import Fact
from na64.datasets.conditions.stated_boxes import DEFAULT_SEARCH
from na64.selections.signal_box import DETECTORS


class Role(Enum):
    """What a histogram is for."""

    PLANE = "plane"
    N_MINUS_ONE = "n_minus_one"
    SELECTION = "selection"


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


@dataclass(frozen=True, slots=True)
class FeatureFacts:
    """A feature that is not of the package: its unit, its meaning, and its formula if it has one."""

    name: str
    unit: str
    meaning: str
    formula: str = ""


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
    own_features : tuple of FeatureFacts
        Those that the selection uses and the package does not have: of periods, a plug-in, formulas.
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
    planes: tuple[PlaneFacts, ...] = (PlaneFacts("energy", f"{DETECTORS} energy", 6.0),)
    own_features: tuple[FeatureFacts, ...] = ()

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


Ends = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class ClosedEdges:
    """Where the hidden region of a box begins and ends in a feature; None where it has no edge.

    Attributes
    ----------
    feature : str
    low, high : float or None
    guard : float or None
        How far the box itself is from there; None if that is not one number, or not stated.
    """

    feature: str
    low: float | None
    high: float | None
    guard: float | None = None


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
    ecal: Ends
    hcal: Ends
    covers: bool
    edges: tuple[ClosedEdges, ...] = ()

    @property
    def in_plane(self) -> tuple[Ends, Ends]:
        """Where the hidden region begins and ends along x and y of the plane."""
        return self.ecal, self.hcal


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
    search: str = DEFAULT_SEARCH
    is_rectangle: bool = True
    others: tuple[ClosedFacts, ...] = ()

    @property
    def modules(self) -> tuple[int, ...]:
        """Modules whose in-time sum is y of the plane."""
        return self.hcal_modules

    @property
    def width(self) -> float:
        """Edge of the box along x of the plane."""
        return self.ecal

    @property
    def height(self) -> float:
        """Edge of the box along y of the plane."""
        return self.hcal

    @property
    def hidden_width(self) -> float:
        """Edge of the guard band along x."""
        return self.width + self.guard_ecal

    @property
    def hidden_height(self) -> float:
        """Edge of the guard band along y."""
        return self.height + self.guard_hcal

    def hidden_up_to(self, x: float, y: float) -> BoxFacts:
        """The same box with a guard band that ends at these energies, or beyond them as it does already."""
        return replace(
            self,
            guard_ecal=max(self.guard_ecal, x - self.width),
            guard_hcal=max(self.guard_hcal, y - self.height),
        )

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
                f"{DETECTORS}"
            )
        return self


CALIBRATION_FACT = "calibration."
"""How the facts of `PeriodFacts` begin that are of a calibration, and not of the period."""


@dataclass(frozen=True, slots=True)
class PeriodFacts:
    """Every number that a period brought in, with its source."""

    name: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class HistogramFacts:
    """What a histogram shows, which events are in it, the cut and the plane it belongs to.

    ``weight`` is what each event counts as, with the unit; empty where events are counted.
    """

    name: str
    label: str
    title: str
    role: Role
    cut: str = ""
    plane: str = ""
    weight: str = ""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Files that were registered, and those that were not read with the reason."""

    registered: int
    read: int
    not_read: tuple[tuple[str, str], ...] = ()
