"""The part of the bosons that muons radiate which a selection keeps, by their mass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from na64.datasets.basics.atomic_file import write_bytes
from na64.datasets.conditions.periods import Period
from na64.outputs.analysis.listening import Listener, Progress, Tell
from na64.outputs.limits.searches.card import Card
from na64.outputs.limits.searches.crossing import RadiatedByMuons
from na64.outputs.limits.searches.expected import Category
from na64.outputs.report.drawing import write_figure
from na64.outputs.result.origin import seal_csv
from na64.outputs.signal import figures
from na64.outputs.signal.efficiency.efficiency import efficiency_table
from na64.outputs.signal.efficiency.injection import Injection, Measured, describe, setup_of
from na64.outputs.signal.efficiency.losses import AppliedLoss, applied, loss_lines
from na64.outputs.signal.efficiency.losses_file import losses_path, losses_table
from na64.outputs.signal.efficiency.measured_losses import WantedLosses
from na64.outputs.signal.efficiency.muon_injection import BosonPlan, inject_bosons

_ONE = np.ones(1)


@dataclass(frozen=True, slots=True)
class WantedBosons:
    """Of which channel of which search an efficiency by mass is.

    Attributes
    ----------
    card : Card
    category : Category
    period : Period
    masses : tuple of float, GeV
    """

    card: Card
    category: Category
    period: Period
    masses: tuple[float, ...]


def is_by_mass(category: Category) -> bool:
    """Whether the particles of a channel are simulated by mass: those that muons radiate."""
    return any(isinstance(source, RadiatedByMuons) for source in category.sources)


def boson_efficiency(
    wanted: WantedBosons,
    plan: Injection,
    asked: WantedLosses,
    *,
    to: Path,
    progress: Progress,
    tell: Tell,
) -> list[Measured]:
    """Efficiency for bosons of muons by mass, in a table with losses and a figure beside it.

    Parameters
    ----------
    wanted : WantedBosons
    plan : Injection
    asked : WantedLosses
    to : Path
        ``.csv`` that it is written to.
    progress : callable
        Takes the numbers of masses done and of all.
    tell : callable
        Takes lines about what was found.

    Raises
    ------
    ValueError
        The period has no runs, another beam, or the selection keeps nothing.
    """
    bosons = BosonPlan(plan, wanted.period, _threshold(wanted.category))
    found: list[Measured] = []
    for one in inject_bosons(wanted.masses, bosons):
        found.append(one)
        progress(len(found), len(wanted.masses))
    name = wanted.period.name
    if not any(one.point.n_selected for one in found):
        raise ValueError(
            f"selection {plan.selection.name}: keeps no simulated event of period {name}; is it for that "
            "set-up?"
        )
    asked.check([name])
    points = [one.point for one in found]
    made = _losses(wanted.period, found, asked)
    to.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(to, seal_csv(efficiency_table(points).to_csv()))
    if made:
        write_bytes(losses_path(to), seal_csv(losses_table(made).to_csv()))
    else:
        losses_path(to).unlink(missing_ok=True)
    write_figure(to.parent, to.stem, partial(figures.draw_efficiencies, points), formats=("png",))
    Listener(tell=tell).say(describe(found))
    Listener(tell=tell).say(_beside_card(wanted, found))
    Listener(tell=tell).say(loss_lines(made))
    of = f"channel {wanted.category.name} of search {wanted.card.name}"
    tell(f"{to}: {of}, {len(points)} masses, as simulated")
    return found


def _losses(period: Period, found: Sequence[Measured], asked: WantedLosses) -> tuple[AppliedLoss, ...]:
    """Losses of the period, less what of each is simulated."""
    point = found[0].point
    of = {"period": point.period, "selection": point.selection, "cuts": point.cuts, "setup": point.setup}
    flows = [(one.point.n_in_box, one.passed) for one in found]
    return applied(asked.of(period.name, setup_of(period)).losses, flows, **of)


def _threshold(category: Category) -> float:
    return next(one.threshold for one in category.sources if isinstance(one, RadiatedByMuons))


def _beside_card(wanted: WantedBosons, found: Sequence[Measured]) -> list[str]:
    """Efficiencies over those of the reference configuration, which were fitted to what is published."""
    return [
        f"  {1000 * point.mass:g} MeV: {point.efficiency / reference:.2f} times {reference:.3f} of the card"
        for point, reference in (
            (one.point, float(wanted.category.efficiency.at(one.point.mass, _ONE)[0])) for one in found
        )
    ]
