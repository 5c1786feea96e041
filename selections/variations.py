"""Variations: the same selection with another energy scale, time window or threshold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from na64.datasets.basics.names import read_name
from na64.datasets.basics.toml import TomlTable, unknown
from na64.datasets.instrument.columns import DETECTORS
from na64.datasets.instrument.detector import Detector, Setup
from na64.datasets.instrument.features import Feature
from na64.datasets.instrument.roles import APART
from na64.selections.cut import Condition, Cut, read_condition, read_cut

NOMINAL = "nominal"
"""What no variation may be called."""

_MOST = 40

Factors = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """What a variation does to the cells before they become features.

    Attributes
    ----------
    scale : tuple of (str, float)
        Detector, and the factor on the energy of each of its cells, applied before the pedestal cut.
    window : tuple of (str, float)
        Detector, and the factor on the half width of its time window.
    """

    scale: Factors = ()
    window: Factors = ()

    def __bool__(self) -> bool:
        """Whether it does anything."""
        return bool(self.scale or self.window)

    @property
    def detectors(self) -> tuple[str, ...]:
        """The detectors whose features it changes."""
        named = dict.fromkeys(name for name, _ in (*self.scale, *self.window))
        return tuple(name for name in dict.fromkeys((*DETECTORS, *named)) if name in named)

    @property
    def moves_plane(self) -> bool:
        """Whether it changes the energies that the signal box is about."""
        return not APART.issuperset(self.detectors)

    def of(self, setup: Setup) -> Setup:
        """Set-up as it would be."""
        scale, window = dict(self.scale), dict(self.window)
        changed = [
            _changed(setup.detectors[name], scale.get(name, 1.0), window.get(name, 1.0))
            for name in self.detectors
            if name in setup.detectors
        ]
        return setup.with_detectors(*changed)

    def texts(self) -> Iterator[str]:
        """Description of what it does, one line each."""
        yield from (f"energies of {name} x {factor:.10g}" for name, factor in self.scale)
        yield from (f"time window of {name} x {factor:.10g}" for name, factor in self.window)


@dataclass(frozen=True, slots=True)
class Variation:
    """One variation of a selection.

    Attributes
    ----------
    name : str
    label : str
        For people.
    source : str
        Where the size comes from, with provenance tags; empty if that was not said.
    effect : Effect
    cuts : tuple of Cut
        The cuts that it changes, as they are then.
    """

    name: str
    label: str
    source: str
    effect: Effect
    cuts: tuple[Cut, ...]

    @property
    def is_unverified(self) -> bool:
        """Whether its size is recollection (``[R-...]``) or a choice of ours (``NOT FOUND``)."""
        return "[R-" in self.source or "NOT FOUND" in self.source

    def cuts_of(self, cuts: Iterable[Cut]) -> tuple[Cut, ...]:
        """All cuts as they are in this variation."""
        changed = {cut.name: cut for cut in self.cuts}
        return tuple(changed.get(cut.name, cut) for cut in cuts)

    def texts(self) -> Iterator[str]:
        """Description of what it changes, one line each."""
        yield from self.effect.texts()
        for cut in self.cuts:
            yield f"{cut.name}: {' and '.join(cut.condition.texts())}"
            for one in cut.when:
                yield f"{cut.name}, {one.name}: {' and '.join(one.condition.texts())}"


def read_variations(
    table: TomlTable, cuts: Mapping[str, tuple[Cut, TomlTable]], features: Mapping[str, Feature]
) -> tuple[Variation, ...]:
    """Read every ``[[variation]]`` of a selection.

    Parameters
    ----------
    table : TomlTable
        The selection's.
    cuts : mapping of str to (Cut, TomlTable)
        By name, with the table each was read from.
    features : mapping of str to Feature
    """
    found = tuple(_read(entry, cuts, features) for entry in table.tables("variation", ()))
    if len(found) > _MOST:
        raise ValueError(f"{table.place('variation')}: {len(found)} variations, not up to {_MOST}")
    return found


def effects_of(variations: Iterable[Variation]) -> tuple[Effect, ...]:
    """Different effects of variations that have any, in order."""
    return tuple(dict.fromkeys(variation.effect for variation in variations if variation.effect))


def _changed(detector: Detector, scale: float, window: float) -> Detector:
    timing, half_width = detector.timing, detector.timing.half_width
    return replace(
        detector,
        scale=tuple(factor * scale for factor in detector.scale),
        timing=replace(
            timing,
            n_sigma=timing.n_sigma * window,
            half_width=None if half_width is None else half_width * window,
        ),
    )


def _read(
    table: TomlTable, cuts: Mapping[str, tuple[Cut, TomlTable]], features: Mapping[str, Feature]
) -> Variation:
    name = read_name(table)
    if name == NOMINAL:
        raise ValueError(f'{table.place("name")}: "{NOMINAL}" is what is not varied')
    label, source = table.text("label", name.replace("_", " ")), table.text("source", "")
    further = (name for feature in features.values() for name in feature.detectors)
    known = dict.fromkeys((*DETECTORS, *further))
    effect = Effect(_factors(table, "scale", known), _factors(table, "window", known))
    changed = {
        cut: _scaled(*cuts[cut], factor, features, table.place(f"threshold.{cut}"))
        for cut, factor in _factors(table, "threshold", cuts)
    }
    if table.has("cut"):
        given = table.table("cut")
        for cut in given.names():
            if cut not in cuts or cut in changed:
                problem = "has a threshold too" if cut in changed else unknown("cut", cut, cuts)
                raise KeyError(f"{given.place(cut)}: {problem}")
            changed[cut] = _replaced(cuts[cut][0], given.table(cut), features)
    if not effect and not changed:
        raise ValueError(f"{table.place()}: has none of scale, window, threshold, cut")
    return Variation(name, label, source, effect, tuple(changed[cut] for cut in cuts if cut in changed))


def _factors(table: TomlTable, key: str, known: Iterable[str]) -> Factors:
    """Read a table of factors, one a detector or a cut, in the order in which those are known."""
    given, known = table.table(key, None), list(known)
    if given is None:
        return ()
    for name in given.names():
        if name not in known:
            noun = "cut" if key == "threshold" else "detector"
            raise KeyError(f"{given.place()}: {unknown(noun, name, known)}")
        if not given.number(name) > 0:
            raise ValueError(f"{given.place(name)}: {given.number(name):g} is not a positive factor")
    return tuple((name, given.number(name)) for name in known if given.has(name))


def _scaled(cut: Cut, table: TomlTable, factor: float, features: Mapping[str, Feature], place: str) -> Cut:
    for interval in cut.intervals:
        if interval.low == interval.high:
            raise ValueError(f"{place}: {interval.text} has no bound to scale")
    return read_cut(table, features, factor=factor)


def _replaced(cut: Cut, table: TomlTable, features: Mapping[str, Feature]) -> Cut:
    own = {interval.feature for interval in cut.intervals} | {clause.key for clause in cut.clauses}
    for key in table.names():
        if key not in own:
            raise KeyError(f"{table.place()}: {unknown(f'feature of cut {cut.name}', key, own)}")
        for one in cut.when:
            if key in _keys(one.condition):
                raise ValueError(f"{table.place(key)}: depends on the run, by {one.name} of cut {cut.name}")
    changed = cut.condition.with_parts(read_condition(table, features))
    return replace(cut, intervals=changed.intervals, clauses=changed.clauses)


def _keys(condition: Condition) -> set[str]:
    return {one.feature for one in condition.intervals} | {one.key for one in condition.clauses}
