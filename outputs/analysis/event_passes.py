"""One pass over the visible events of a plan, and what every result of one has."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from na64.outputs.analysis.executor_choice import choose
from na64.outputs.analysis.listening import Listener
from na64.outputs.analysis.plans import Plan
from na64.outputs.analysis.workers import Workers
from na64.processors.calibration.gathering import Gathered, Purpose, gather, tasks_of
from na64.processors.execution.ledger import Ledger
from na64.processors.execution.tasks import Options

_EVENTS_A_SECOND = 2e4


@dataclass(frozen=True, slots=True)
class PassResult:
    """What a pass has read.

    Attributes
    ----------
    failures : tuple of str
        What was not read and why, one line each.
    """

    failures: tuple[str, ...] = field(kw_only=True)

    @property
    def is_complete(self) -> bool:
        """Everything was read."""
        return not self.failures


def gather_sums(
    plan: Plan,
    purpose: Purpose,
    folder: Path,
    workers: Workers,
    listener: Listener,
    *,
    chunk_events: int | None,
    deadline: int,
) -> Gathered:
    """Sums of all runs over visible events; what was gathered before is taken from the folder.

    Parameters
    ----------
    plan : Plan
    purpose : Purpose
    folder : Path
    workers : Workers
    listener : Listener
    chunk_events : int or None
        Most events read at a time.
    deadline : int
        Longest time in s for one piece of a file.
    """
    ledger = Ledger(folder / "partials")
    tasks = tasks_of(plan.catalogue, plan.job, purpose)
    left = [task.n_events / _EVENTS_A_SECOND for task in tasks if not ledger.path(task.key).exists()]
    chosen, said = choose(workers, left)
    if said:
        listener.warn(f"{purpose.value}: {said}", logging.INFO)
    n_events = sum(task.n_events for task in tasks)
    with chosen.open(listener.warn) as backend:
        return gather(
            plan.catalogue,
            plan.job,
            purpose,
            backend,
            ledger,
            chunk_events=chunk_events,
            options=Options(blind=not plan.job.simulation, deadline=deadline),
            progress=lambda _done, _total, events: listener.progress(events, n_events),
        )
