"""A selection: ordered cuts, regions, planes and histograms, loaded from TOML."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from itertools import chain
from pathlib import Path

from na64.datasets.basics.identity import identity
from na64.datasets.basics.names import read_name
from na64.datasets.basics.packaged import PackagedFiles
from na64.datasets.basics.toml import Source, TomlTable, load, unknown
from na64.datasets.conditions.periods import features_of_periods, packaged_periods
from na64.datasets.conditions.stated_boxes import DEFAULT_SEARCH
from na64.datasets.instrument.features import FEATURES, Feature
from na64.datasets.instrument.formula import Formula, read_formulas
from na64.datasets.instrument.taken_names import noun_of
from na64.selections.base import EDITS, entries_of, on_base, refuse_edits
from na64.selections.boxes import boxes_beside
from na64.selections.compiled import IntervalArrays, compile_intervals
from na64.selections.cut import Condition, Cut, read_cut
from na64.selections.histograms import Histogram, read_histogram
from na64.selections.planes import DEFAULT_PLANES, Plane, read_planes
from na64.selections.regions import Region, read_regions
from na64.selections.settings import with_settings
from na64.selections.signal_box import check_outside
from na64.selections.variations import Effect, Variation, effects_of, read_variations

VISIBLE = "visible"
"""Name of the stage before any cut."""

_PACKAGED = PackagedFiles("selection", files(__package__), besides=("signal_boxes",))
_YIELDS_AFTER = "shower_chi2"
_SKIPPED_AT_MOST = 0.001
_MOST_CUTS = 60

SELECTIONS = _PACKAGED.names
"""Names of the packaged selections."""


@dataclass(frozen=True)
class Selection:
    """Which events, and what to count and draw of them.

    Attributes
    ----------
    name : str
    label : str
        One line for plots and reports; says what is not verified.
    description : str
    cuts : tuple of Cut
        In order.
    regions : tuple of Region
        In the order of their columns; may be none.
    yields_after : str
        The cut after which the regions' yields are taken.
    histograms : tuple of Histogram
    extra_features : tuple of Feature
        Features of a plug-in, then those of formulas, stored after the package's own.
    variations : tuple of Variation
        Evaluated in the same pass.
    skipped_at_most : float
        Share of the recorded events of a run that may be unusable: with more the result is incomplete.
    settings : tuple of str
        Values that were set in place of those of the file.
    chosen : tuple of (str, int)
        Of cuts with other bounds in some runs, which of their conditions hold: see `in_run`.
    formulas : tuple of Formula
        The last of `extra_features`, each after those that it is made of.
    planes : tuple of Plane
        One at least; the first is filled after every cut.
    period_features : tuple of Feature
        What the periods of its runs have besides the package's own, stored between those and
        `extra_features`; see `with_period_features`.
    search : str
        The one whose boxes a freeze commits to and an opening opens.
    """

    name: str
    label: str
    description: str
    cuts: tuple[Cut, ...]
    regions: tuple[Region, ...]
    yields_after: str
    histograms: tuple[Histogram, ...]
    extra_features: tuple[Feature, ...] = ()
    variations: tuple[Variation, ...] = ()
    skipped_at_most: float = _SKIPPED_AT_MOST
    settings: tuple[str, ...] = ()
    chosen: tuple[tuple[str, int], ...] = ()
    formulas: tuple[Formula, ...] = ()
    planes: tuple[Plane, ...] = DEFAULT_PLANES
    period_features: tuple[Feature, ...] = ()
    search: str = DEFAULT_SEARCH

    @cached_property
    def identity(self) -> str:
        """Name of the selection by content: of what periods have, only what it uses counts."""
        inputs = self.inputs
        used = tuple(feature for feature in self.period_features if feature.name in inputs)
        return identity(replace(self, period_features=used))

    @property
    def recorded_features(self) -> dict[str, Feature]:
        """Features that are made of what files have, by name, in storage order."""
        return FEATURES | {feature.name: feature for feature in self.period_features}

    @property
    def features(self) -> dict[str, Feature]:
        """Every feature that it may use by name, in storage order."""
        return self.recorded_features | {feature.name: feature for feature in self.extra_features}

    @property
    def inputs(self) -> frozenset[str]:
        """Features that it uses, those included that its formulas are made of."""
        made_of = (name for formula in self.formulas for name in formula.inputs)
        return frozenset((*self.feature_names, *made_of))

    @property
    def cut_names(self) -> tuple[str, ...]:
        """Names of the cuts, in order."""
        return tuple(cut.name for cut in self.cuts)

    @property
    def region_names(self) -> tuple[str, ...]:
        """Columns of the regions, in order."""
        return tuple(region.name for region in self.regions)

    @property
    def plugin_features(self) -> tuple[Feature, ...]:
        """Those of `extra_features` that a plug-in defines."""
        return self.extra_features[: len(self.extra_features) - len(self.formulas)]

    @property
    def effects(self) -> tuple[Effect, ...]:
        """What its variations do to the cells; those that change only thresholds do nothing."""
        return effects_of(self.variations)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Every feature that a cut, a region, a plane or a histogram looks at, in storage order."""
        cuts = [*self.cuts, *(cut for variation in self.variations for cut in variation.cuts)]
        conditions = [condition for cut in cuts for condition in cut.conditions]
        conditions += [region.condition for region in self.regions]
        names = {name for condition in conditions for name in condition.features}
        axes = [plane.axes for plane in self.planes] + [histogram.axes for histogram in self.histograms]
        names |= {axis.feature for axis in chain.from_iterable(axes)}
        names |= {histogram.weight.feature for histogram in self.histograms if histogram.weight}
        return tuple(name for name in self.index if name in names)

    @property
    def index(self) -> dict[str, int]:
        """Row of each feature in a table of visible events, those of periods and of a plug-in included."""
        return {name: row for row, name in enumerate(self.features)}

    def with_period_features(self, features: Iterable[Feature]) -> Selection:
        """The selection with other features of periods in its tables: what it asks for stays the same.

        Raises
        ------
        ValueError
            One is called as a feature of its plug-in or as one of its formulas.
        """
        found = tuple(features)
        own = {feature.name for feature in self.extra_features}
        for feature in found:
            if feature.name in own:
                raise ValueError(
                    f'selection {self.name}: its feature "{feature.name}" is called as one of a period'
                )
        return self if found == self.period_features else replace(self, period_features=found)

    def arrays(self, index: Mapping[str, int] | None = None) -> IntervalArrays:
        """Intervals of the cuts, then those of the regions, as the kernels take them.

        Parameters
        ----------
        index : mapping of str to int, optional
            Row of each feature; `index` by default.
        """
        regions = [region.condition for region in self.regions]
        index = self.index if index is None else index
        return compile_intervals(self.conditions_of(self.cuts), regions, index)

    def in_run(self, run: int, period: str) -> Selection:
        """The selection as it is in a run of a period: its histograms are the same in all.

        Raises
        ------
        ValueError
            A cut says two things of the run, or nothing.
        """
        chosen = tuple((cut.name, cut.which(run, period)) for cut in self.cuts if cut.when)
        return replace(self, chosen=chosen) if chosen else self

    def conditions_of(self, cuts: Iterable[Cut]) -> tuple[Condition, ...]:
        """What cuts of this selection, or of a variation of it, ask for in the run it is for."""
        chosen = dict(self.chosen)
        return tuple(cut.conditions[chosen.get(cut.name, 0)] for cut in cuts)


def load_selection(
    name_or_path: str | Path,
    *,
    extra_features: Mapping[str, Feature] | None = None,
    period_features: Mapping[str, Feature] | None = None,
    other_features: Mapping[str, Feature] | None = None,
    settings: Sequence[str] = (),
) -> Selection:
    """Load a packaged selection by name, or any by the path of its TOML file.

    Parameters
    ----------
    name_or_path : str or Path
        One of `SELECTIONS`, or a path that ends in ``.toml``.
    extra_features : mapping of str to Feature
        Features of a plug-in that the selection may use besides `FEATURES`.
    period_features : mapping of str to Feature
        Those of the periods whose runs it is for, `na64.datasets.conditions.periods.features_of_periods`.
    other_features : mapping of str to Feature
        Those of other periods, by default of the packaged ones: its own formulas and those of a plug-in may
        be called the same. A job in whose runs they are not there refuses a selection that uses them.
    settings : sequence of str
        Values that replace those of the file, see `na64.selections.settings.with_settings`.

    Raises
    ------
    KeyError
        An unknown selection, key, feature, cut or unit: names it, where it stands and the nearest known one.
    ValueError
        A value that cannot be, and where it stands.
    """
    extra = tuple((extra_features or {}).values())
    further = dict(period_features or {})
    for feature in extra:
        if feature.name in FEATURES:
            raise ValueError(f'feature "{feature.name}" of the plug-in is already one of the package')
        if feature.name in further:
            raise ValueError(f'feature "{feature.name}" of the plug-in is already one of a period')
        if noun := noun_of(feature.name):
            raise ValueError(f'feature "{feature.name}" of the plug-in is a {noun} already')
    content = selection_content(name_or_path, settings=settings)
    table = TomlTable(content, _PACKAGED.find(name_or_path).name)
    elsewhere = _elsewhere(other_features, {*further, *(feature.name for feature in extra), *_named(content)})
    known = FEATURES | further | elsewhere | {feature.name: feature for feature in extra}
    for key in EDITS:
        table.has(key)  # in the file itself, and so known, but not in what it is on its base
    with table.telling_misspelt():
        selection = _read(table, known, extra)
    table.done()
    inputs = replace(selection, period_features=(*further.values(), *elsewhere.values())).inputs
    used = (feature for feature in elsewhere.values() if feature.name in inputs)
    return replace(selection, settings=tuple(settings), period_features=(*further.values(), *used))


def _elsewhere(features: Mapping[str, Feature] | None, taken: Collection[str]) -> dict[str, Feature]:
    """Features of periods that may have no run here, without those whose names are something else here."""
    if features is None:
        features = features_of_periods(packaged_periods().values(), together=False)
    return {name: feature for name, feature in features.items() if name not in taken}


def _named(content: Mapping[str, object]) -> Iterator[str]:
    """Names of the formulas of a selection, as far as they can be read."""
    entries = content.get("feature", ())
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping) and isinstance(name := entry.get("name"), str):
            yield name


def selection_content(name_or_path: str | Path, *, settings: Sequence[str] = ()) -> Mapping[str, object]:
    """What a selection says, on its base and with values set, as TOML has it; nothing in it is checked."""
    source = _PACKAGED.find(name_or_path)
    return with_settings(_merged(source), settings, source.name)


def replaced_histograms(name_or_path: str | Path) -> tuple[str, ...]:
    """Names of the histograms of its base that a selection has not, because it states a list of its own."""
    source = _PACKAGED.find(name_or_path)
    own = load(source)
    if "base" not in own or "histogram" not in own:
        return ()
    base = _merged(_PACKAGED.named(str(own["base"]), source.name))
    kept = entries_of("histogram", _merged(source), source.name)
    removed = TomlTable(own, source.name).texts("remove_histogram", ())
    names = entries_of("histogram", base, source.name)
    return tuple(name for name in names if name not in kept and name not in removed)


def _merged(source: Source) -> Mapping[str, object]:
    """Read a file; what it does not say itself is that of the packaged selection it calls its base."""
    own = load(source)
    table = TomlTable(own, source.name)
    if not table.has("base"):
        refuse_edits(table)
        return own
    base = _PACKAGED.named(table.text("base"), table.place("base"))
    return on_base(own, _merged(base), source.name)


def _read(table: TomlTable, features: Mapping[str, Feature], extra: tuple[Feature, ...]) -> Selection:
    formulas = read_formulas(table, features)
    made = tuple(formula.feature for formula in formulas)
    features, extra = {**features, **{feature.name: feature for feature in made}}, (*extra, *made)
    name, label, description = read_name(table), table.text("label"), table.text("description", "")
    entries = table.tables("cut")
    cuts = _read_cuts(table, entries, features)
    stages = [cut.name for cut in cuts]
    regions, search = read_regions(table, features), table.text("search", DEFAULT_SEARCH)
    try:
        check_outside(regions, boxes_beside(search))
    except ValueError as error:
        raise ValueError(f"{table.place('region')}: {error}") from error
    yields_after = _known_cut(table, "yields_after", table.text("yields_after", _YIELDS_AFTER), stages)
    histograms = tuple(
        read_histogram(entry, features, [VISIBLE, *stages]) for entry in table.tables("histogram", ())
    )
    _check_unique(table, "histogram", (histogram.name for histogram in histograms))
    planes = read_planes(table, features)
    _check_unique(table, "plane", (plane.name for plane in planes))
    places = {cut.name: (cut, entry) for cut, entry in zip(cuts, entries, strict=True)}
    variations = read_variations(table, places, features)
    _check_unique(table, "variation", (variation.name for variation in variations))
    return Selection(
        name,
        label,
        description,
        cuts,
        regions,
        yields_after,
        histograms,
        extra,
        variations,
        _read_share(table),
        formulas=formulas,
        planes=planes,
        search=search,
    )


def _read_share(table: TomlTable) -> float:
    share = table.number("skipped_at_most", _SKIPPED_AT_MOST)
    if not 0 <= share <= 1:
        raise ValueError(f"{table.place('skipped_at_most')}: {share:g} is not a share from 0 to 1")
    return share


def _read_cuts(
    table: TomlTable, entries: Iterable[TomlTable], features: Mapping[str, Feature]
) -> tuple[Cut, ...]:
    cuts = tuple(read_cut(entry, features) for entry in entries)
    if not 0 < len(cuts) <= _MOST_CUTS:
        raise ValueError(f"{table.place('cut')}: {len(cuts)} cuts, not 1 to {_MOST_CUTS}")
    _check_unique(table, "cut", (VISIBLE, *(cut.name for cut in cuts)))
    return cuts


def _known_cut(table: TomlTable, key: str, name: str, known: list[str]) -> str:
    if name not in known:
        raise KeyError(f"{table.place(key)}: {unknown('cut', name, known)}")
    return name


def _check_unique(table: TomlTable, noun: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f'{table.place(noun)}: "{name}" is there twice')
        seen.add(name)
