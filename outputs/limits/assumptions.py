"""What a limit assumes that no stored number says, each with its tag."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from na64.outputs.limits.analysis import Assumption, named
from na64.outputs.limits.dark_matter import MASS_RATIO
from na64.outputs.limits.exposure import LimitInput
from na64.outputs.limits.inputs import Background
from na64.outputs.limits.production import by_production
from na64.outputs.limits.search import (
    PeriodChannel,
    Search,
    by_efficiency,
    effect_ranges,
    masses,
    shared_errors,
)
from na64.outputs.signal.efficiency.losses import Counts, counted, has_live_time

_USUAL_ERROR = 0.1

_EXPOSURE_ERROR = 0.05
"""Relative, of 9.4e11 electrons on target [V: 2606.17320 (abs)]."""


def assumptions_of(
    search: Search,
    backgrounds: Sequence[Background],
    *,
    delivered: bool,
    exposures: Sequence[LimitInput] = (),
) -> tuple[Assumption, ...]:
    """List them.

    Parameters
    ----------
    search : Search
    backgrounds : sequence of Background
    delivered : bool
        Whether the exposure is that delivered.
    exposures : sequence of LimitInput
        Runs of theirs that do not count may have been in the background.
    """
    return (
        *_of_exposure(search, delivered=delivered),
        *_of_signal(search),
        *_of_background(search, backgrounds),
        *_of_runs_left_out(exposures),
    )


def _of_exposure(search: Search, *, delivered: bool) -> Iterator[Assumption]:
    if delivered:
        yield from _of_dead_time(search)
    else:
        yield Assumption("exposure is live: the efficiency is that of recorded events", "from the result")
    both = math.hypot(search.signal_error, _EXPOSURE_ERROR)
    yield Assumption(
        "particles on target have no error of their own in the limits; that of electrons is published as "
        f"{_EXPOSURE_ERROR:.0%}, with which the error of the yield would be {both:.1%}",
        "[V: 2606.17320 (abs)]",
    )
    for source, periods in by_efficiency(search.periods).items():
        common = f"; its error is one for {', '.join(periods)}" if len(periods) > 1 else ""
        yield Assumption(f"efficiency: {source}{common}", "configuration")
    for period in search.periods:
        yield from _of_losses(period)


def _of_dead_time(search: Search) -> Iterator[Assumption]:
    """Where the dead time of exposure that was delivered is."""
    if not all(period.efficiency.is_simulated for period in search.periods):
        yield Assumption("exposure is what was delivered: the efficiency contains the dead time", "stated")
    for period in search.periods:
        if not period.efficiency.is_simulated:
            continue
        if has_live_time(period.efficiency.losses):
            text = f"period {period.name}: exposure is what was delivered, with the live time of the losses"
            yield Assumption(text, "configuration")
        else:
            text = f"period {period.name}: exposure is what was delivered, and no live time counts"
            yield Assumption(text, "NOT FOUND")


def _of_losses(period: PeriodChannel) -> Iterator[Assumption]:
    """Losses that a simulated efficiency was multiplied with, and those that are not known."""
    efficiency = period.efficiency
    if efficiency.is_simulated and not efficiency.losses:
        text = f"period {period.name}: no losses are beside its efficiency, only what is simulated counts"
        yield Assumption(text, "NOT FOUND")
    for loss in counted(efficiency.losses, delivered=efficiency.delivered):
        error = "error not known" if loss.error is None else f"error {loss.error:g}"
        text = f"period {period.name}: loss {loss.loss}, {loss.label}: {loss.value:g} is kept, {error}"
        simulated = "" if loss.simulated == 1 else f", of which {loss.simulated:.3f} by simulated cuts"
        yield Assumption(text + simulated, loss.source)
    for loss in efficiency.losses:
        if loss.value is None and loss.counts is Counts.NEVER and loss.simulated == 1:
            yield Assumption(f"period {period.name}: loss {loss.loss} is not known, none counts", loss.source)


def _of_runs_left_out(exposures: Sequence[LimitInput]) -> Iterator[Assumption]:
    for exposure in exposures:
        if runs := [str(run) for run, _ in exposure.excluded]:
            text = f"a background from {named(exposure.folder)} is not made smaller for the runs left out: "
            yield Assumption(text + ", ".join(runs), "assumption")


def _of_signal(search: Search) -> Iterator[Assumption]:
    yield Assumption(
        "signal: bremsstrahlung of dark photons at exact tree level, elastic form factor, target of lead; "
        "every dark photon decays invisibly or leaves the detector",
        "[D] docs/physics.md",
    )
    if search.resonant:
        yield from _of_annihilation(search, search.resonant.text)
    made = by_production([(period.name, period.production) for period in search.periods])
    for text, periods in made.items():
        yield Assumption(f"yield of {', '.join(periods)}: {text}", "from the result")
    tag = "[R-med; 1906.00176]" if search.signal_error == _USUAL_ERROR else "stated"
    error = f"{search.signal_error:.0%} error of the yield, log-normal, common to all periods"
    yield Assumption(error, tag)
    yield from _of_variations(search)
    alphas = " and ".join(f"{alpha:g}" for alpha in search.alphas)
    yield Assumption(f"y for alpha_D = {alphas}, m_A' = {MASS_RATIO:g} m_chi", "convention")


def _of_annihilation(search: Search, text: str) -> Iterator[Assumption]:
    """What is assumed of dark photons that positrons make, and how they are seen."""
    flat = [period.name for period in search.periods if period.efficiency.by_energy is None]
    by_energy = [period.name for period in search.periods if period.efficiency.by_energy is not None]
    if flat:
        seen = f"in {', '.join(flat)} its dark photons are seen as radiated ones of the same mass"
        yield Assumption(f"{text}; {seen}", "[D] docs/physics.md; the efficiency: assumption")
    if by_energy:
        seen = f"in {', '.join(by_energy)} its dark photons are seen by their missing energy, as simulated"
        yield Assumption(f"{text}; {seen}", "[D] docs/physics.md")


def _of_variations(search: Search) -> Iterator[Assumption]:
    """Variations of the efficiency that count, their sizes, and where they come from."""
    without = [period.name for period in search.periods if not period.efficiency.changes]
    if len(without) == len(search.periods):
        return
    for name, (low, high, size) in effect_ranges(search).items():
        text = f"variation {name} ({', '.join(size.members)}): {low:.2%} to {high:.2%} of the signal"
        yield Assumption(text, size.source or "stated")
    yield Assumption(
        "a variation is one error for all periods, with the size and direction that it has in each; "
        "of the two of a pair the mean size counts",
        "assumption",
    )
    for name in without:
        yield Assumption(
            f"period {name}: no variations of its efficiency are known, none counts", "NOT FOUND"
        )


def _of_background(search: Search, backgrounds: Sequence[Background]) -> Iterator[Assumption]:
    if any(search.is_counted_together(mass) for mass in masses(n=3) if search.is_seen(mass)):
        text = "all periods are counted together: their outcomes are too many to sum one by one"
        yield Assumption(text, "method")
    yield Assumption("errors of the background are log-normal, the value its median", "[R-hi]")
    if len(search.periods) > len(backgrounds):
        yield Assumption(
            "a background is divided among its periods by exposure, its error in common", "assumption"
        )
    for name, periods in shared_errors(search).items():
        yield Assumption(f"error of the background {name}: one for {', '.join(periods)}", "configuration")
    for background in backgrounds:
        at_face_value = "as its value, with an error as large"
        distributed = "by the distribution that the count in a control region leaves of the mean"
        how = at_face_value if background.limits_at_face_value else distributed
        for row in background.table.rows:
            if row.upper_limit:
                text = f"{background.source}: {row.source}: upper limit {row.text} counted {how}"
                yield Assumption(text, "configuration")
        for source in background.table.missing:
            yield Assumption(f"{background.source}: {source} has no number and is left out", "NOT FOUND")
        for row in background.table.rows:
            if row.tag and row.n is not None:
                yield Assumption(f"background {row.source}: {row.text}", row.tag)
