"""Losses of the periods that were simulated: which are wanted, what of each is simulated, what is left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from na64.datasets.conditions.losses import Losses, losses_of_files, packaged_losses
from na64.datasets.conditions.periods import packaged_periods
from na64.outputs.signal.efficiency.by_energy import EnergyRow
from na64.outputs.signal.efficiency.efficiency import EfficiencyPoint, efficiency_of
from na64.outputs.signal.efficiency.injection import Measured, setup_of
from na64.outputs.signal.efficiency.losses import AppliedLoss, Flow, applied, factor_of, loss_lines
from na64.outputs.signal.efficiency.published_efficiency import (
    Compared,
    compared,
    comparison_lines,
    not_explained,
)

NONE = "none"
"""In place of a file: the efficiency is that of the simulation."""


class WantedLosses:
    """Losses that an efficiency gets: packaged ones, those in files of the user, or none.

    Parameters
    ----------
    given : str, Path or several
        Files, or `NONE`; empty: the packaged ones of the periods that have them.

    Raises
    ------
    ValueError, KeyError
        A file is wrong, or none and a file are asked for.
    """

    def __init__(self, given: str | Path | Sequence[str | Path]) -> None:
        texts = [str(one) for one in ([given] if isinstance(given, str | Path) else given)]
        if NONE in texts and len(texts) > 1:
            raise ValueError(f"losses {', '.join(texts)}: expected {NONE} or files")
        self._is_own = bool(texts)
        own = () if NONE in texts else texts
        self._known = losses_of_files(map(Path, own)) if texts else packaged_losses()

    def check(self, periods: Sequence[str], *, whole: bool = True) -> None:
        """Check that files of the user are of just the periods simulated.

        Parameters
        ----------
        periods : sequence of str
        whole : bool
            They are all that are simulated.

        Raises
        ------
        ValueError
            Names both.
        """
        unknown, unused = set(periods) - set(self._known), set(self._known) - set(periods)
        if self._is_own and self._known and (unknown or (whole and unused)):
            theirs, simulated = ", ".join(sorted(self._known)), ", ".join(sorted(periods))
            raise ValueError(f"losses are of period {theirs}, the efficiency is of {simulated}")

    def of(self, period: str, setup: str) -> Losses:
        """Losses of a period with these numbers; none if nobody has stated any of this set-up."""
        nothing = Losses(period, ())
        return nothing if self.are_of_another(period, setup) else self._known.get(period, nothing)

    def beside(
        self, point: EfficiencyPoint | EnergyRow, passed: Sequence[Flow], setup: str
    ) -> tuple[AppliedLoss, ...]:
        """Losses of the period of an efficiency and its set-up, less what of each is simulated."""
        of = {"period": point.period, "selection": point.selection, "cuts": point.cuts, "setup": point.setup}
        return applied(self.of(point.period, setup).losses, passed, **of)

    def are_of_another(self, period: str, setup: str) -> bool:
        """Whether the packaged losses of a period are of other numbers than it has here."""
        known = packaged_periods().get(period)
        return not self._is_own and known is not None and setup != setup_of(known)


def losses_of(found: Sequence[Measured], wanted: WantedLosses) -> dict[str, tuple[AppliedLoss, ...]]:
    """Losses of every period that was simulated, with what is left to a published limit."""
    made = {}
    for period, own in _by_period(found).items():
        point = own[0].point
        losses = wanted.of(period, point.setup)
        rows = wanted.beside(point, [(one.point.n_in_box, one.passed) for one in own], point.setup)
        if rows and losses.published and (left := _compared(own, rows, losses)):
            of = {"selection": point.selection, "cuts": point.cuts, "setup": point.setup}
            rows += (not_explained(left, losses.published, period=period, **of),)
        made[period] = rows
    return made


def _by_period(found: Sequence[Measured]) -> dict[str, list[Measured]]:
    periods: dict[str, list[Measured]] = {}
    for one in sorted(found, key=lambda one: (one.point.period, one.point.mass)):
        periods.setdefault(one.point.period, []).append(one)
    return periods


def _compared(own: Sequence[Measured], rows: Sequence[AppliedLoss], losses: Losses) -> tuple[Compared, ...]:
    if losses.published is None:
        return ()
    efficiency = efficiency_of([one.point for one in own], "", reference=losses.published.threshold)
    simulated = list(zip(efficiency.mass.tolist(), efficiency.value.tolist(), strict=True))
    return compared(simulated, rows, losses.published)


def describe_losses(
    found: Sequence[Measured], made: Mapping[str, Sequence[AppliedLoss]], wanted: WantedLosses
) -> Iterator[str]:
    """Losses of every period as a terminal shows them, and its efficiency beside the published one."""
    for period, own in _by_period(found).items():
        rows, setup = made[period], own[0].point.setup
        if not rows:
            yield f"period {period}: no losses besides the simulated ones count"
            if wanted.are_of_another(period, setup):
                yield "  the packaged ones are of another set-up; --losses FILE states those of this one"
            continue
        live, delivered = (factor_of(rows, delivered=kind) for kind in (False, True))
        yield f"period {period}: losses besides the simulated ones; value is the share that is kept"
        yield from loss_lines(rows)
        yield f"  all that count: x {live:.3f} for live exposure, x {delivered:.3f} for exposure delivered"
        if left := _compared(own, rows, wanted.of(period, setup)):
            yield from comparison_lines(left)
