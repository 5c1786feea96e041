"""Backgrounds that are products: a yield of the result times factors that were configured or simulated."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from scipy import special

from na64.datasets.basics.toml import Source, TomlTable, load_table, unknown
from na64.datasets.basics.units import read_source
from na64.datasets.conditions.on_target import PARTICLES, exposure_label
from na64.datasets.conditions.stated_boxes import DEFAULT_SEARCH
from na64.outputs.background.table import NOT_CONFIGURED, BackgroundRow
from na64.outputs.statistics.one_sided import CONFIDENCE, limit_of_product
from na64.selections.regions import CONTRACT, PREFIX

RATES = "background_rates.toml"
"""The packaged sources; copy, put in what you know, and name the copy with --rates."""

EXPOSURES = tuple(exposure_label(particle).lower() for particle in PARTICLES)
"""Particles on target that a source can be in proportion to, each kind for itself: ``eot``, ``mot``, ..."""


@dataclass(frozen=True, slots=True)
class Factor:
    """One number of a product.

    Attributes
    ----------
    name : str
    value : float or None
        None: nobody has configured it.
    error : float
    upper_limit : bool
    source : str
        Provenance tag.
    """

    name: str
    value: float | None
    error: float = 0.0
    upper_limit: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True)
class Weighted:
    """Sum of weights of simulated events, and of their squares; without weights both are the number."""

    sumw: float
    sumw2: float

    @property
    def n_effective(self) -> float:
        """Number of events of equal weight with the same relative error."""
        return self.sumw**2 / self.sumw2 if self.sumw2 > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Product:
    """A source of background: a yield times factors.

    Attributes
    ----------
    name : str
    proportional_to : str
        One of `EXPOSURES`, or the column of a region.
    factors : tuple of Factor
    correlated : bool
        The factors are those of every run period: their error is one.
    period : str
        Whose factors they are, if they are not those of all.
    """

    name: str
    proportional_to: str
    factors: tuple[Factor, ...]
    correlated: bool = True
    period: str = ""

    def row(self, yields: Mapping[str, float | None]) -> BackgroundRow:
        """Multiply; what has not been configured or is not known gives a row without a number.

        A limit among the factors, or no count, makes it a limit, at `CONFIDENCE`, of the distribution of the
        product: of the count, of one limit, and of the errors. Further limits multiply, which is too much.

        Parameters
        ----------
        yields : mapping of str to float or None
            By `EXPOSURES` and columns of regions; a count has the error of its square root, an exposure none.
        """
        tag = "; ".join(dict.fromkeys(factor.source for factor in self.factors))
        lacking = [factor.name for factor in self.factors if factor.value is None]
        number = yields.get(self.proportional_to)
        if lacking:
            return BackgroundRow(self.name, None, method=f"{NOT_CONFIGURED}: {', '.join(lacking)}", tag=tag)
        if number is None:
            return BackgroundRow(self.name, None, method=f"not known: {self.proportional_to}", tag=tag)
        names = " x ".join((f"{self.proportional_to} ({number:.4g})", *(f.name for f in self.factors)))
        is_count = self.proportional_to not in EXPOSURES
        of_factors = math.prod(factor.value or 0.0 for factor in self.factors)
        parts = [factor.error / factor.value for factor in self.factors if factor.value]
        times_a_limit = any(factor.upper_limit for factor in self.factors)
        if times_a_limit or (is_count and number == 0):
            shape = number + 1 if is_count else None
            n = limit_of_product(shape, math.hypot(*parts), times_a_limit=times_a_limit) * of_factors
            return BackgroundRow(
                self.name,
                n if is_count else n * number,
                upper_limit=True,
                method=names,
                tag=tag,
                correlated=self.correlated,
            )
        parts += [1 / math.sqrt(number)] if is_count else []
        n = number * of_factors
        return BackgroundRow(
            self.name, n, n * math.hypot(*parts), method=names, tag=tag, correlated=self.correlated
        )


@dataclass(frozen=True, slots=True)
class Shape:
    """A source of background whose density is taken from a control region.

    Attributes
    ----------
    name : str
    histogram : str
        Of the selection: events that have all edges of the box but one.
    feature : str
        In which that one is.
    source : str
        Provenance tag.
    """

    name: str
    histogram: str
    feature: str
    source: str


def load_products(path: Path | None = None) -> tuple[Product, ...]:
    """Read the products in a file; by default the packaged ones of the invisible search.

    Raises
    ------
    KeyError, ValueError
        Names the file and the key.
    """
    shapes, products = load_sources(path)
    if shapes:
        raise ValueError(f"{path}: {shapes[0].name}: shapes are of boxes that are not below two energies")
    for one in products:
        if one.period:
            raise ValueError(f"{path}: {one.name}: periods are of boxes that are not below two energies")
    return products


def load_sources(
    path: Path | None = None, search: str = DEFAULT_SEARCH
) -> tuple[tuple[Shape, ...], tuple[Product, ...]]:
    """Read the shapes and the products in a file; by default the packaged ones of a search.

    Raises
    ------
    KeyError, ValueError
        Names the file and the key; or the search that has no packaged file.
    """
    source: Source = files(__package__) / rates_of(search) if path is None else path
    if path is None and not source.is_file():
        raise ValueError(
            f"search {search}: no sources of its background are packaged: --rates FILE states them"
        )
    table = load_table(source)
    table.text("cuts", "")
    shapes = tuple(_read_shape(entry) for entry in table.tables("shape", ()))
    products = tuple(_read_product(entry) for entry in table.tables("source", ()))
    table.done()
    return shapes, products


def products_of(products: Iterable[Product], periods: Sequence[str]) -> tuple[Product, ...]:
    """Products of the periods of a result: those of all, and those of the only one that it has.

    Raises
    ------
    ValueError
        The result has several periods, or one that a product is not listed for which others have; or a
        product is listed for it twice, or for it and for all.
    """
    listed = tuple(products)
    for name in dict.fromkeys(one.name for one in listed if one.period):
        known = [one.period for one in listed if one.name == name]
        if len(periods) != 1 or periods[0] not in known:
            raise ValueError(
                f"{name}: its factors are of period {' or '.join(known)}, and the result is of "
                f"{' and '.join(periods)}: process one of these periods at a time, or state factors with "
                "--rates FILE"
            )
        if (n := sum(period in ("", *periods) for period in known)) > 1:
            raise ValueError(f"{name}: stated {n} times for period {periods[0]}, of which one can be counted")
    return tuple(one for one in listed if one.period in ("", *periods))


def rates_of(search: str) -> str:
    """Name of the packaged file of sources of a search."""
    return RATES if search == DEFAULT_SEARCH else RATES.replace(".toml", f"_{search}.toml")


def _read_shape(table: TomlTable) -> Shape:
    return Shape(table.text("name"), table.text("histogram"), table.text("feature"), read_source(table))


def cuts_of(path: Path) -> str:
    """Identity of the cuts that a file of products says it is of; empty if it does not say."""
    return load_table(path).text("cuts", "")


def with_loss(products: tuple[Product, ...], name: str, factor: Factor) -> tuple[Product, ...]:
    """Replace all factors of one product by a simulated one."""
    return tuple(replace(p, factors=(factor,)) if p.name == name else p for p in products)


def simulated_fraction(name: str, inside: Weighted, of: Weighted) -> Factor:
    """Fraction of simulated events as a factor; an upper limit if none is inside.

    Parameters
    ----------
    name : str
    inside, of : Weighted
        Events in the box, and those of the yield.
    """
    if of.sumw <= 0:
        return Factor(name, None, source="simulation has no event of the yield")
    source = f"[D: simulation, {inside.n_effective:.0f} of {of.n_effective:.0f} events]"
    if inside.sumw <= 0:
        return Factor(name, poisson_limit(0) / of.n_effective, upper_limit=True, source=source)
    value = inside.sumw / of.sumw
    error = value * math.sqrt(1 / inside.n_effective + 1 / of.n_effective)
    return Factor(name, value, error, source=source)


def poisson_limit(n: float) -> float:
    """Upper limit on a Poisson mean of which `n` events were seen, at `CONFIDENCE`."""
    return float(special.gammaincinv(n + 1, CONFIDENCE))


def _read_product(table: TomlTable) -> Product:
    name, proportional_to = table.text("name"), table.text("proportional_to")
    if proportional_to not in EXPOSURES and not proportional_to.startswith(PREFIX):
        known = (*EXPOSURES, *(f"{PREFIX}{name}" for name in CONTRACT))
        raise ValueError(f"{table.place('proportional_to')}: {unknown('yield', proportional_to, known)}")
    factors = tuple(_read_factor(entry) for entry in table.tables("factor"))
    return Product(name, proportional_to, factors, table.flag("correlated", True), table.text("period", ""))


def _read_factor(table: TomlTable) -> Factor:
    value, error = table.number("value", None), table.number("error", 0.0)
    factor = Factor(table.text("name"), value, error, table.flag("upper_limit", False), read_source(table))
    if value is not None and (value < 0 or error < 0):
        raise ValueError(f"{table.place()}: {value} +- {error}: expected numbers from 0 on")
    if value == 0:
        raise ValueError(f"{table.place()}: a factor of 0 claims that there is no background: state a limit")
    if factor.upper_limit and error:
        raise ValueError(f"{table.place()}: an upper limit with an error of {error}: state one or the other")
    return factor
