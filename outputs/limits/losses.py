"""Losses besides the simulated ones in a limit: an error each, in common to the periods that share it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from na64.outputs.limits.variations import SystematicEffect
from na64.outputs.signal.efficiency.losses import AppliedLoss, Counts, counted


def loss_effects(losses: Iterable[AppliedLoss], *, delivered: bool) -> tuple[SystematicEffect, ...]:
    """Relative errors of the signal of a period by the losses that count and have an error."""
    return tuple(
        SystematicEffect(
            loss.nuisance, (loss.loss,), (loss.relative_error,), (0.0,), loss.relative_error, loss.source
        )
        for loss in counted(losses, delivered=delivered)
        if loss.relative_error
    )


def loss_facts(name: str, losses: Iterable[AppliedLoss], *, delivered: bool) -> Iterator[dict[str, object]]:
    """Rows of the table of losses in `limits.json` and `projection.json`, for the period of this name."""
    for loss in losses:
        counts = loss.counts is Counts.ALWAYS or (loss.counts is Counts.DELIVERED and delivered)
        yield {
            "period": name,
            "loss": loss.loss,
            "value": loss.value,
            "error": loss.error,
            "source": loss.source,
            "simulated": loss.simulated,
            "factor": loss.factor if counts else None,
            "counts": counts,
            "nuisance": loss.nuisance if counts and loss.relative_error else None,
            "label": loss.label,
            "note": "live exposure has it already"
            if loss.counts is Counts.DELIVERED and not counts
            else loss.note,
        }
