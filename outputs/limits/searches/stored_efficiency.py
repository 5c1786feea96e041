"""Which efficiency a channel of a search gets from the folder of a stored result."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from na64.outputs.limits.efficiency import EFFICIENCY, MAKES, efficiency_fits, read_efficiency, tables_of
from na64.outputs.limits.exposure import LimitInput, PeriodExposure
from na64.outputs.limits.inputs import flat_of, is_number
from na64.outputs.limits.losses import loss_effects
from na64.outputs.limits.search import EfficiencyFunction
from na64.outputs.limits.searches.crossing import RadiatedByMuons
from na64.outputs.limits.searches.expected import Category
from na64.outputs.limits.searches.kept import Efficiency
from na64.outputs.limits.variations import systematic_effects
from na64.outputs.result.origin import FoundOrigin, Origin, check, origin_said
from na64.outputs.signal.efficiency.by_energy import (
    EnergyEfficiency,
    efficiency_name,
    load_energy_efficiency,
)
from na64.outputs.signal.efficiency.by_mass import load_mass_efficiency
from na64.outputs.signal.efficiency.losses_file import losses_path


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of efficiencies.

    Attributes
    ----------
    text : str or None
        A table, or a number for dark photons; None: the table in the folder of each result.
    delivered : bool
        The exposure is that delivered.
    reason : str
        Why a table is right that does not say that it is of the result.
    """

    text: str | None = None
    delivered: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StoredEfficiency:
    """Efficiency of a channel in a period of a stored result.

    Attributes
    ----------
    kept : Efficiency
        With the losses that count.
    relative_error : float
        The largest there is, of simulated events, variations and losses.
    lowest : float, GeV
        Least energy that is counted.
    selection, cuts : str
        Name of the selection and identity of its cuts.
    files : tuple of Path
        Tables that it is from; none if it is stated.
    stated : str
        Why it is right, if it does not say so itself.
    """

    kept: Efficiency
    relative_error: float
    lowest: float
    selection: str
    cuts: str
    files: tuple[Path, ...]
    stated: str = ""

    def is_known(self, mass: float) -> bool:
        """Whether it is known at a mass in GeV."""
        masses = self.kept.masses
        return not masses or masses[0] <= mass <= masses[-1]


def by_energy(
    of: tuple[str, str],
    category: Category,
    exposure: LimitInput,
    period: PeriodExposure,
    wanted: Wanted,
) -> StoredEfficiency:
    """Efficiency of particles by their energy.

    Parameters
    ----------
    of : (str, str)
        Search and channel that the table is of.
    category : Category
    exposure : LimitInput
    period : PeriodExposure
        One of its periods.
    wanted : Wanted

    Raises
    ------
    ValueError
        There is none, or it is of something else and no reason is stated.
    """
    search, channel = of
    path = _table(search, "energy", exposure, wanted)
    found = load_energy_efficiency(
        path, search=search, channel=channel, period=period.period, delivered=wanted.delivered
    )
    stated = _check_energies(path, found, category, exposure, wanted.reason)
    energies, values = found.nodes
    own = found.rows[0]
    return StoredEfficiency(
        Efficiency(values, energies=energies),
        found.relative_error,
        found.lowest,
        own.selection,
        own.cuts,
        tuple(one for one in (path, losses_path(path)) if one.is_file()),
        stated,
    )


def by_mass(
    search: str, category: Category, exposure: LimitInput, period: PeriodExposure, wanted: Wanted
) -> StoredEfficiency:
    """Efficiency of bosons that muons radiate, by their mass; parameters as of `by_energy`.

    Raises
    ------
    ValueError
        There is none, or it is of something else and no reason is stated.
    """
    path = _table(search, "mass", exposure, wanted)
    threshold = max(one.threshold for one in category.sources if isinstance(one, RadiatedByMuons))
    found = load_mass_efficiency(
        path, search=search, period=period.period, threshold=threshold, delivered=wanted.delivered
    )
    selection, cuts, setup = found.origin
    masses, values = found.nodes
    return StoredEfficiency(
        Efficiency(values, masses) if len(masses) > 1 else Efficiency(values),
        found.relative_error,
        threshold,
        selection,
        cuts,
        tuple(one for one in (path, losses_path(path)) if one.is_file()),
        _check_origin(path, Origin("", cuts, ((period.period, setup),)), exposure, wanted.reason),
    )


def _table(search: str, by: str, exposure: LimitInput, wanted: Wanted) -> Path:
    """Table of efficiencies that is asked for, or that in the folder of a result; a number is none."""
    if wanted.text is None:
        return exposure.folder / efficiency_name(search)
    if is_number(wanted.text):
        raise ValueError(
            f"--efficiency {wanted.text}: search {search} counts by {by}, and one number is no efficiency of "
            f"it; na64 efficiency --search {search} --selection NAME --to FILE.csv makes a table"
        )
    return Path(wanted.text)


def of_dark_photons(exposure: LimitInput, period: PeriodExposure, wanted: Wanted) -> StoredEfficiency:
    """Efficiency of dark photons that leave without a trace, by their mass; parameters as of `by_energy`.

    Raises
    ------
    ValueError
        There is none, or it is of something else and no reason is stated.
    """
    if not math.isfinite(period.threshold):
        raise ValueError(
            f"{exposure.folder}: the box of period {period.period} is not below two energies, so what has to "
            "be missing is not known"
        )
    if wanted.text is not None and (flat := flat_of(wanted.text)):
        kept, error = Efficiency((flat.value,)), flat.error / flat.value
        return StoredEfficiency(kept, error, period.threshold, exposure.selection, exposure.cuts, ())
    path = exposure.folder / EFFICIENCY if wanted.text is None else Path(wanted.text)
    found = read_efficiency(
        path, period.period, threshold=period.threshold, beam=period.beam, delivered=wanted.delivered
    )
    stated = efficiency_fits(path, period.period, exposure, reason=wanted.reason)
    masses = tuple(found.mass.tolist())
    values = tuple(float(found.at(mass)[0]) for mass in masses)
    return StoredEfficiency(
        Efficiency(values, masses) if len(masses) > 1 else Efficiency(values),
        max(_relative_error(found, mass) for mass in masses),
        period.threshold,
        exposure.selection,
        exposure.cuts,
        tuple(one for one in tables_of(path) if one.is_file()),
        stated,
    )


def _relative_error(found: EfficiencyFunction, mass: float) -> float:
    value, error = (float(one) for one in found.at(mass))
    of_losses = loss_effects(found.losses, delivered=found.delivered)
    sizes = [one.effect for one in (*systematic_effects(found.changes, mass), *of_losses)]
    return math.hypot(error / value if value else 0.0, *sizes)


def _check_energies(
    path: Path, kept: EnergyEfficiency, category: Category, exposure: LimitInput, reason: str
) -> str:
    """Refuse an efficiency of other cuts, boxes or places of decay; or why it is taken all the same."""
    own, stretch = kept.rows[0], category.fate.stretch if category.fate else None
    last = math.inf if own.last is None else own.last
    if stretch is not None and (own.first, last) != (stretch.first, stretch.last):
        raise ValueError(
            f"{path}: of decays between {own.first:g} and {last:g} mm, the card has {stretch.first:g} and "
            f"{stretch.last:g} mm; {MAKES}"
        )
    return _check_origin(path, Origin("", own.cuts, ((own.period, own.setup),)), exposure, reason)


def _check_origin(path: Path, origin: Origin, exposure: LimitInput, reason: str) -> str:
    """Refuse a table of other cuts or another set-up, or an edited one; or why it is taken all the same."""
    files = [one for one in (path, losses_path(path)) if one.is_file()]
    said = [origin_said(one) for one in files]
    edited = any(one.is_edited for one in said)
    lacks = next((one.lacks for one in said if one.lacks), "")
    found = FoundOrigin(None if any(one.origin is None for one in said) else origin, edited, lacks=lacks)
    names = {name for name, _ in origin.setups}
    setups = tuple(pair for pair in exposure.origin.setups if pair[0] in names)
    wanted = Origin("", exposure.cuts, setups)
    return check(str(path), found, wanted, of=str(exposure.folder), makes=MAKES, reason=reason)
