"""The part of dark photons that a selection keeps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from na64.datasets.basics.toml import unknown
from na64.datasets.conditions.period_folder import folder_of_environment
from na64.datasets.conditions.periods import features_of_periods, load_periods
from na64.datasets.conditions.stated_boxes import DEFAULT_SEARCH
from na64.outputs.analysis.efficiency_files import write_efficiency
from na64.outputs.analysis.listening import Listener, Progress, Tell, no_progress, silent
from na64.outputs.report.drawing import write_figure
from na64.outputs.result.origin import Origin, check, origin_said
from na64.outputs.signal import figures
from na64.outputs.signal.efficiency import injection, injection_by_energy
from na64.outputs.signal.efficiency.by_missing_energy import (
    POSITRON,
    MissingEnergyPoint,
    energies_path,
    energies_table,
    read_energies,
)
from na64.outputs.signal.efficiency.efficiency import EfficiencyPoint, efficiency_table, read_points
from na64.outputs.signal.efficiency.efficiency_variations import (
    read_variations,
    variations_path,
    variations_table,
)
from na64.outputs.signal.efficiency.injection import Measured
from na64.outputs.signal.efficiency.losses_file import losses_path, read_applied
from na64.outputs.signal.efficiency.measured_losses import WantedLosses, describe_losses, losses_of
from na64.selections.selection import load_selection

MASSES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""GeV."""

DARK_PHOTON_SEARCHES = (DEFAULT_SEARCH, POSITRON)
"""Searches whose particles are dark photons of some mass."""

_BINS_A_MASS = 10
"""A bin of missing energy has so many times fewer events than a mass."""


def efficiency(
    *,
    to: str | Path,
    selection: str | Path = "invisible_2023",
    layout: str | Path = "tout2023",
    masses: Iterable[float] = MASSES,
    events: int = 20_000,
    seed: int = 6406,
    periods: str | Path | None = None,
    losses: str | Path | Sequence[str | Path] = (),
    search: str = DEFAULT_SEARCH,
    period: str = "",
    add: bool = False,
    reason: str = "",
    progress: Progress = no_progress,
    tell: Tell = silent,
) -> list[Measured]:
    """Efficiency of a selection for dark photons in the box, by mass, from simulation.

    Parameters
    ----------
    to : str or Path
        ``.csv`` that it is written to, as simulated; losses besides the simulated ones, changes under
        variations and a figure go beside it.
    selection : str or Path
        Name of a packaged selection, or a TOML file.
    layout : str or Path
        ``tout2023`` is of period 2023A, ``array2018`` of 2018, unless `period` says another one.
    masses : iterable of float
        GeV, 0.001 to 1.
    events : int
        Simulated a mass.
    seed : int
        The same seed gives the same content.
    periods : str or Path, optional
        Folder of periods of your own; by default ``$NA64_PERIODS``.
    losses : str, Path or several
        Files with the losses of the periods, or ``"none"``; by default the packaged ones.
    search : {"invisible", "positron"}
        For ``positron`` there is an efficiency by missing energy too, of positrons that annihilate.
    period : str
        Whose beam and set-up is simulated, in one of its runs; empty for that of the layout.
    add : bool
        Keep what the file has of other periods.
    reason : str
        With `add`: why the file is right although it is not as it was written.
    progress : callable
        Takes the numbers of masses, and of bins of missing energy, done and of all.
    tell : callable
        Takes lines about what was found.

    Returns
    -------
    list of na64.outputs.signal.efficiency.injection.Measured
        One a mass and period.

    Raises
    ------
    KeyError, ValueError, FileNotFoundError
        A selection, layout or mass that cannot be used, or a file that was edited.

    Examples
    --------
    >>> found = na64.efficiency(to="efficiency.csv", masses=[0.01], events=300)
    >>> found[0].point.mass
    0.01
    """
    if search not in DARK_PHOTON_SEARCHES:
        raise ValueError(
            f"{unknown('search', search, DARK_PHOTON_SEARCHES)}; expected {' or '.join(DARK_PHOTON_SEARCHES)}"
        )
    place = Path(to)
    folder = Path(periods) if periods is not None else folder_of_environment()
    known = features_of_periods(load_periods(folder).values(), together=False)
    chosen = load_selection(selection, other_features=known)
    wanted = WantedLosses(losses)
    plan = injection.Injection(chosen, str(layout), events, seed, folder, period, search)
    kept = place if add and place.exists() else None
    before = [] if kept is None else _before(kept, reason)
    found = []
    for one in injection.inject(sorted(set(masses)), plan, progress=progress):
        wanted.check([one.point.period], whole=False)
        found.append(one)
    energies = list(_by_energy(plan, progress)) if search == POSITRON else []
    done = {measured.point.period for measured in found}
    wanted.check(sorted(done))
    made = losses_of(found, wanted)
    points = [point for point in before if point.period not in done]
    points += [measured.point for measured in found]
    beside = variations_path(place)
    varied = read_variations(beside) if before else []
    varied = [entry for entry in varied if entry.period not in done]
    varied += [entry for measured in found for entry in measured.varied]
    losses_kept = [loss for loss in read_applied(losses_path(place)) if before and loss.period not in done]
    losses_kept += [loss for own in made.values() for loss in own]
    beside_energies = energies_path(place)
    kept_energies = [one for one in read_energies(beside_energies) if before and one.period not in done]
    draw = partial(figures.draw_efficiencies, points)
    by_missing_energy = [*kept_energies, *energies]
    tables = {
        beside: variations_table(varied) if varied else None,
        beside_energies: energies_table(by_missing_energy) if by_missing_energy else None,
    }
    write_efficiency(place, efficiency_table(points), losses_kept, draw, beside=tables)
    _draw_energies(beside_energies, by_missing_energy)
    Listener(tell=tell).say(injection.describe(found))
    Listener(tell=tell).say(describe_losses(found, made, wanted))
    tell(f"{place}: {len(points)} points, as simulated")
    if any(made.values()):
        tell(f"{losses_path(place)}: losses that na64 limits and na64 project multiply them with")
    if energies:
        Listener(tell=tell).say(injection_by_energy.describe_energies(energies))
        tell(f"{beside_energies}: {len(energies)} bins of missing energy, of positrons that annihilate")
    if varied:
        tell(f"{beside}: {len(varied)} changes under variations")
    return found


def _by_energy(plan: injection.Injection, progress: Progress) -> Iterator[MissingEnergyPoint]:
    """Positrons that annihilate, a tenth of the events of a mass in each bin."""
    bins = replace(plan, n_events=max(plan.n_events // _BINS_A_MASS, 1))
    yield from injection_by_energy.inject_energies(bins, progress=progress)


def _draw_energies(path: Path, points: Sequence[MissingEnergyPoint]) -> None:
    if points:
        draw = partial(figures.draw_energies, points)
        write_figure(path.parent, path.stem, draw, formats=("png",))
    else:
        path.with_suffix(".png").unlink(missing_ok=True)


def _before(path: Path, reason: str) -> list[EfficiencyPoint]:
    """Read what the table has, if it is as it was written: the new seal must not cover what was edited."""
    found = origin_said(path)
    makes = "na64 efficiency without --add makes a new one"
    check(str(path), found, Origin(), of="", makes=makes, reason=reason)
    return read_points(path)
