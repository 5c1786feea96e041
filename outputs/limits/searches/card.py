"""Search cards: what a search looks for, its reference configuration, and what is not known."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from na64.datasets.basics.sourced_values import Fact, FactReader
from na64.datasets.basics.toml import TomlTable, load_table, unknown
from na64.outputs.limits.searches.channels import ParticleModel, read_category, read_model
from na64.outputs.limits.searches.contour import grid_of
from na64.outputs.limits.searches.demonstration import Demonstration, read_demonstration
from na64.outputs.limits.searches.expected import Category
from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.curves import ParameterPlane

Floats = NDArray[np.float64]

_FOLDER = files("na64.selections.searches")
SEARCHES: tuple[str, ...] = tuple(
    sorted(entry.name.removesuffix(".toml") for entry in _FOLDER.iterdir() if entry.name.endswith(".toml"))
)
"""Names of the cards that there are."""

FITTED = "‡"
"""Marks the source of a number that was fitted to a published contour."""

_UNITS = {ParameterPlane.PHOTONS: "1/GeV", ParameterPlane.CHARGE: "e"}
"""Units of couplings that are no pure numbers."""


@dataclass(frozen=True, slots=True)
class Coupling:
    """What a contour is drawn in.

    Attributes
    ----------
    symbol, meaning, unit : str
        The unit is empty for a pure number.
    lowest, highest : float
        Couplings that are scanned where the events are no power of it.
    """

    symbol: str
    meaning: str
    unit: str
    lowest: float
    highest: float

    def __post_init__(self) -> None:
        grid_of(self.lowest, self.highest)

    @property
    def grid(self) -> Floats:
        """Couplings that are scanned: (n,) float64."""
        return grid_of(self.lowest, self.highest)

    @property
    def label(self) -> str:
        """As an axis has it."""
        return f"{self.meaning} {self.symbol}" + (f" [{self.unit}]" if self.unit else "")


@dataclass(frozen=True, slots=True)
class Published:
    """A published curve that an edge of the contour is compared with.

    Attributes
    ----------
    curve : str
        Name of its table.
    edge : str
        ``lower`` or ``upper``.
    lowest, highest : float, GeV
        Masses between which they are compared.
    expected : str
        Why they differ, if it is known.
    """

    curve: str
    edge: str
    lowest: float
    highest: float
    expected: str


@dataclass(frozen=True, slots=True)
class Species:
    """A known particle, whose mass is one number: a meson.

    Attributes
    ----------
    name : str
    mass : float, GeV
    """

    name: str
    mass: float


@dataclass(frozen=True, slots=True)
class Variant:
    """A reference configuration of a search.

    Attributes
    ----------
    name, label : str
    masses : tuple of float, GeV
        Rising.
    mesons : tuple of Species
        What has these masses; none where the mass is not known.
    boson : Boson
    categories : tuple of Category
    signal_error : float
    published : tuple of Published
    facts : tuple of Fact
        Every number that the configuration consists of, with its source.
    """

    name: str
    label: str
    masses: tuple[float, ...]
    mesons: tuple[Species, ...]
    boson: Boson
    categories: tuple[Category, ...]
    signal_error: float
    published: tuple[Published, ...]
    facts: tuple[Fact, ...]

    @property
    def fitted(self) -> tuple[str, ...]:
        """Names of the numbers that were fitted to published contours."""
        return tuple(fact.name for fact in self.facts if FITTED in fact.source)


@dataclass(frozen=True, slots=True)
class Card:
    """A search.

    Attributes
    ----------
    name, title, looks_for, formula : str
    beam, signature : str
        In words.
    state : str
        What is verified.
    particle, symbol : str
        What is looked for, and its symbol on an axis.
    periods, selections, papers, assumptions, not_known : tuple of str
        Assumptions of the calculation that are no numbers of the configuration.
    setup, cuts, controls : tuple of str
        Detector along the beam, cuts in order, control regions and backgrounds; each with its source.
    electron_moment : bool
        Whether couplings that the electron's anomalous moment allows are drawn.
    coupling : Coupling
    variants : tuple of Variant
        The first one is the reference unless another one is asked for.
    demonstration : Demonstration or None
        None if it has none of its own.
    demonstrated_by : tuple of str
        Searches whose demonstrations make results that its limits can be set with, if it has none of its own.
    """

    name: str
    title: str
    looks_for: str
    formula: str
    beam: str
    signature: str
    state: str
    particle: str
    symbol: str
    periods: tuple[str, ...]
    selections: tuple[str, ...]
    papers: tuple[str, ...]
    assumptions: tuple[str, ...]
    not_known: tuple[str, ...]
    setup: tuple[str, ...]
    cuts: tuple[str, ...]
    controls: tuple[str, ...]
    electron_moment: bool
    coupling: Coupling
    variants: tuple[Variant, ...]
    demonstration: Demonstration | None = None
    demonstrated_by: tuple[str, ...] = ()

    def variant(self, name: str = "") -> Variant:
        """Look a reference configuration up; the first one without a name.

        Raises
        ------
        KeyError
            There is none of that name.
        """
        if not name:
            return self.variants[0]
        for one in self.variants:
            if one.name == name:
                return one
        names = [one.name for one in self.variants]
        raise KeyError(f"search {self.name}: {unknown('variant', name, names)}; there are {', '.join(names)}")


def load_card(name_or_path: str | Path) -> Card:
    """Load a packaged card by name, or any by the path of its TOML file.

    Parameters
    ----------
    name_or_path : str or Path
        One of `SEARCHES`, or a path that ends in ``.toml``.

    Raises
    ------
    KeyError
        There is none of that name, or it has a key that is not known.
    ValueError
        A value that cannot be, and where it stands.
    """
    name = str(name_or_path)
    if name.endswith(".toml"):
        return read_card(load_table(Path(name)), Path(name).stem)
    if name not in SEARCHES:
        raise KeyError(f"{unknown('search', name, SEARCHES)}; there are {', '.join(SEARCHES)}")
    return read_card(load_table(_FOLDER / f"{name}.toml"), name)


def read_card(table: TomlTable, name: str) -> Card:
    """Read a card; a key that is not known, or a number without a source, is an error."""
    channels, variants = table.table("channel"), table.table("variant")
    if not variants.names():
        raise ValueError(f"{table.place('variant')}: there is none")
    mesons = tuple(Species(one.text("name"), one.number("mass")) for one in table.tables("mesons", ()))
    masses = () if mesons else _masses(table.tables("masses"))
    card = Card(
        name=name,
        title=table.text("title"),
        looks_for=" ".join(table.text("looks_for").split()),
        formula=table.text("formula").strip("\n"),
        beam=table.text("beam"),
        signature=table.text("signature"),
        state=table.text("state"),
        particle=table.text("particle"),
        symbol=table.text("symbol"),
        periods=table.texts("periods"),
        selections=table.texts("selections"),
        papers=table.texts("papers"),
        assumptions=table.texts("assumptions"),
        not_known=table.texts("not_known"),
        setup=table.texts("setup", ()),
        cuts=table.texts("cuts", ()),
        controls=table.texts("controls", ()),
        electron_moment=table.flag("electron_moment", False),
        coupling=_coupling(table.table("coupling")),
        variants=tuple(
            _variant(variants.table(one), one, channels, masses, mesons) for one in variants.names()
        ),
        demonstration=read_demonstration(table.table("demo")) if "demo" in table.names() else None,
        demonstrated_by=table.texts("demonstrated_by", ()),
    )
    table.done()
    for variant in card.variants:
        _check_coupling(table, card.coupling, variant)
    return card


def _check_coupling(table: TomlTable, coupling: Coupling, variant: Variant) -> None:
    """Refuse several kinds of coupling in one variant, or a coupling in another unit than theirs."""
    kinds = {source.plane for category in variant.categories for source in category.sources}
    if len(kinds) != 1:
        names = ", ".join(sorted(kind.value.split(",")[1] for kind in kinds))
        raise ValueError(f"{table.place(f'variant.{variant.name}')}: channels of several couplings: {names}")
    unit = _UNITS.get(kinds.pop(), "")
    if coupling.unit != unit:
        raise ValueError(
            f'{table.place("coupling.unit")}: "{coupling.unit}": expected "{unit}", as {variant.name} has it'
        )


def _coupling(table: TomlTable) -> Coupling:
    return Coupling(
        symbol=table.text("symbol"),
        meaning=table.text("meaning"),
        unit=table.text("unit", ""),
        lowest=table.number("lowest"),
        highest=table.number("highest"),
    )


def _masses(tables: tuple[TomlTable, ...]) -> tuple[float, ...]:
    """Masses of several stretches, each evenly in the logarithm, to four digits."""
    found: set[float] = set()
    for table in tables:
        lowest, highest, n = table.number("lowest"), table.number("highest"), table.integer("points")
        if not (0 < lowest < highest and n > 1):
            raise ValueError(
                f"{table.place()}: expected two masses above 0 that rise, and two points at least"
            )
        found.update(float(f"{mass:.4g}") for mass in np.geomspace(lowest, highest, n))
    return tuple(sorted(found))


def _variant(
    table: TomlTable,
    name: str,
    channels: TomlTable,
    masses: tuple[float, ...],
    mesons: tuple[Species, ...],
) -> Variant:
    listed: list[Fact] = []
    facts = FactReader(table, listed)
    model = read_model(facts)
    chosen = _chosen(table, mesons)
    own = _masses(table.tables("masses", ()))
    return Variant(
        name=name,
        label=table.text("label"),
        masses=tuple(one.mass for one in chosen) or own or masses,
        mesons=chosen,
        boson=model.boson,
        categories=tuple(_category(channels, one, model, listed) for one in table.texts("channels")),
        signal_error=facts.number("signal_error"),
        published=tuple(_published(one) for one in table.tables("published", ())),
        facts=tuple(listed),
    )


def _chosen(table: TomlTable, mesons: tuple[Species, ...]) -> tuple[Species, ...]:
    """Mesons that a variant is of, by mass."""
    if not mesons:
        return ()
    names, known = table.texts("mesons"), {one.name: one for one in mesons}
    for name in names:
        if name not in known:
            raise KeyError(f"{table.place('mesons')}: {unknown('meson', name, known)}")
    chosen = tuple(sorted((known[name] for name in names), key=lambda one: one.mass))
    if len({one.mass for one in chosen}) != len(chosen) or not chosen:
        raise ValueError(f"{table.place('mesons')}: expected mesons of different masses")
    return chosen


def _category(channels: TomlTable, name: str, model: ParticleModel, listed: list[Fact]) -> Category:
    if not channels.has(name):
        raise KeyError(f"{channels.place()}: {unknown('channel', name, channels.names())}")
    table = channels.table(name)
    return read_category(table, FactReader(table, listed, name), name, model)


def _published(table: TomlTable) -> Published:
    lowest, highest = table.numbers("masses")
    return Published(
        table.text("curve"), table.text("edge", "lower"), lowest, highest, table.text("expected", "")
    )
