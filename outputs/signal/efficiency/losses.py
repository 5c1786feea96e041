"""Losses besides the simulated ones: the factors that an efficiency gets, and for which exposure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from na64.datasets.basics.toml import unknown
from na64.datasets.conditions.losses import LIVE_TIME, UNKNOWN, Loss, check_share
from na64.selections.selection import SELECTIONS, load_selection

Flow = tuple[int, Mapping[str, int]]
"""Events in the box for one mass, and those left after every cut, in order."""


class Counts(Enum):
    """For which exposure a loss counts; the value is the word in a table."""

    ALWAYS = "yes"
    DELIVERED = "delivered"
    """Live exposure has it already."""
    NEVER = "no"


@dataclass(frozen=True, slots=True)
class AppliedLoss:
    """A loss as the efficiency of a period has it.

    Attributes
    ----------
    loss, label, source, note : str
    value, error : float or None
        Share of the signal that is kept, of all of this loss; None is not known.
    simulated : float
        What the cuts of the loss keep in the simulation.
    counts : Counts
    correlated : bool
        The error is one with that of the loss of this name in other periods.
    period, selection, cuts, setup : str
        Of the efficiency.
    """

    loss: str
    label: str
    source: str
    value: float | None
    error: float | None
    simulated: float = 1.0
    counts: Counts = Counts.ALWAYS
    correlated: bool = False
    note: str = ""
    period: str = ""
    selection: str = ""
    cuts: str = ""
    setup: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.simulated <= 1:
            raise ValueError(
                f"loss {self.loss}: {self.simulated:g} of it simulated: expected a share above 0"
            )
        if self.counts is Counts.NEVER:
            return
        if self.value is None:
            raise ValueError(f"loss {self.loss} counts and has no value")
        check_share(f"loss {self.loss}", self.value, self.error)
        if (self.loss == LIVE_TIME) is not (self.counts is Counts.DELIVERED):
            raise ValueError(
                f"loss {self.loss}: counts {self.counts.value}: only {LIVE_TIME} is of delivered"
            )

    @property
    def factor(self) -> float:
        """What the simulated efficiency is multiplied with: above 1 where the simulation loses too much."""
        if self.value is None or self.counts is Counts.NEVER:
            return 1.0
        return self.value / self.simulated

    @property
    def relative_error(self) -> float:
        """Relative error of the signal by this loss."""
        if not self.value or not self.error or self.counts is Counts.NEVER:
            return 0.0
        return self.error / self.value

    @property
    def nuisance(self) -> str:
        """Name of its error: periods that name the same one have it in common."""
        return f"loss {self.loss}" if self.correlated else f"loss {self.loss} of {self.period}"


def applied(losses: Iterable[Loss], passed: Sequence[Flow], **of: str) -> tuple[AppliedLoss, ...]:
    """Losses of a period, less what of each is simulated.

    Parameters
    ----------
    losses : iterable of Loss
    passed : sequence of Flow
        Of every mass.
    of : str
        ``period``, ``selection``, ``cuts`` and ``setup`` of the efficiency.
    """
    return tuple(_applied(loss, passed, of) for loss in losses)


def _applied(loss: Loss, passed: Sequence[Flow], of: Mapping[str, str]) -> AppliedLoss:
    counts = Counts.DELIVERED if loss.name == LIVE_TIME else Counts.ALWAYS
    try:
        missing = _missing(loss.cuts, passed)
    except ValueError as error:
        raise ValueError(f"loss {loss.name}: {error}") from error
    return AppliedLoss(
        loss.name,
        loss.label,
        loss.source,
        loss.value,
        loss.error,
        _simulated(loss.cuts, passed),
        Counts.NEVER if loss.value is None else counts,
        loss.correlated,
        "; ".join(filter(None, (loss.note, missing))),
        **of,
    )


def _simulated(cuts: Sequence[str], passed: Sequence[Flow]) -> float:
    """Share of the events that reach them which these cuts keep, of all masses together."""
    kept = 1.0
    for cut in cuts:
        before, after = 0, 0
        for n_in_box, flow in passed:
            names = list(flow)
            if cut in flow:
                place = names.index(cut)
                before += flow[names[place - 1]] if place else n_in_box
                after += flow[cut]
        kept *= after / before if after else 1.0  # with nothing left there is no efficiency to correct
    return kept


def _missing(cuts: Sequence[str], passed: Sequence[Flow]) -> str:
    """Note that nothing of a loss is simulated because the selection has none of its cuts.

    Raises
    ------
    ValueError
        A cut that neither the selection nor a packaged one has.
    """
    known = {cut for _, flow in passed for cut in flow}
    for cut in set(cuts) - known:
        every = known.union(*(load_selection(name).cut_names for name in SELECTIONS))
        if cut not in every:
            raise ValueError(unknown("cut", cut, sorted(every)))
    return f"no cut {', '.join(cuts)} in the selection" if cuts and not known & set(cuts) else ""


def counted(losses: Iterable[AppliedLoss], *, delivered: bool) -> tuple[AppliedLoss, ...]:
    """Losses that count for an exposure of this kind."""
    wanted = (Counts.ALWAYS, Counts.DELIVERED) if delivered else (Counts.ALWAYS,)
    return tuple(loss for loss in losses if loss.counts in wanted)


def factor_of(losses: Iterable[AppliedLoss], *, delivered: bool) -> float:
    """Factor of all losses that count."""
    return math.prod(loss.factor for loss in counted(losses, delivered=delivered))


def has_live_time(losses: Iterable[AppliedLoss]) -> bool:
    """Whether a live time is known that counts for exposure delivered."""
    return any(loss.counts is Counts.DELIVERED for loss in losses)


def loss_lines(losses: Sequence[AppliedLoss]) -> Iterator[str]:
    """Table of losses as a terminal shows it: the share that is kept, its error, what of it is simulated."""
    if losses:
        yield f"  {'loss':<14}{'value':>10}{'error':>11}{'simulated':>11}{'factor':>8}  counts     source"
    for one in losses:
        value, error, simulated, factor = cells_of(one)
        source = f"{one.source} ({one.note})" if one.note else one.source
        numbers = f"{value:>10}{error:>11}{simulated:>11}{factor:>8}"
        yield f"  {one.loss:<14}{numbers}  {one.counts.value:<9}  {source}"


def cells_of(one: AppliedLoss) -> tuple[str, str, str, str]:
    """Value, error, simulated share and factor as tables show them."""
    counts = one.counts is not Counts.NEVER
    unknown = UNKNOWN if one.source.startswith(UNKNOWN) else "-"
    return (
        unknown if one.value is None else f"{one.value:.3g}",
        ("-" if one.value is None else UNKNOWN) if one.error is None else f"{one.error:.2g}",
        "-" if one.simulated == 1 else f"{one.simulated:.3f}",
        f"{one.factor:.3f}" if counts else "-",
    )
