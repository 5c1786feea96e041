"""What a pass over events took, worker by worker: `metrics.json`, which is not part of the result.

Times and sizes could tell of single events if they were of few of them: they are summed over a worker and
over all of its segments, and rounded. What they depend on besides is how many events are hidden, which is
published.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from na64.datasets.basics.json_records import read_object, record_of
from na64.processors.execution.backend import Answers, Backend
from na64.processors.execution.cost import Cost
from na64.processors.execution.tasks import Done, Task, Work

METRICS = "metrics.json"

SCHEMA = 1
"""Version of `metrics.json`."""


@dataclass(frozen=True, slots=True)
class WorkerShare:
    """What one worker, or all of them, did in a pass.

    Attributes
    ----------
    segments, events : int
    from_store : int
        Events whose features came from the store.
    megabytes : int
    read, count, wait : float, s
        Reading files; all other work on them; no work.
    rate : int
        Events/s of the time with work.
    """

    segments: int
    events: int
    from_store: int
    megabytes: int
    read: float
    count: float
    wait: float
    rate: int


@dataclass(frozen=True, slots=True)
class _Metrics:
    """The whole of `METRICS`."""

    schema: int
    seconds: float
    workers: tuple[WorkerShare, ...]
    all: WorkerShare


class Metered(Backend):
    """Another backend, and what its workers took.

    Attributes
    ----------
    costs : dict of str to Cost
        By worker, in the order they were first heard of.
    seconds : float, s
        From the first task given out to the last answer.
    """

    def __init__(self, backend: Backend) -> None:
        self.costs: dict[str, Cost] = {}
        self.seconds = 0.0
        self._backend = backend

    def close(self) -> None:
        """Close the other."""
        self._backend.close()

    def map(self, work: Work, tasks: Iterable[Task]) -> Answers:
        """Perform tasks there."""
        began, before = time.monotonic(), self.seconds
        with closing(self._backend.map(work, tasks)) as answers:
            for task, report in answers:
                self.seconds = before + time.monotonic() - began
                if isinstance(report, Done) and report.cost is not None:
                    self.costs[report.worker] = self.costs.get(report.worker, Cost()) + report.cost
                yield task, report

    @property
    def total(self) -> Cost:
        """Cost of all workers together."""
        return sum(self.costs.values(), Cost())

    @property
    def note(self) -> str:
        """``600 from cells, 100 from the store``; empty if nothing was done."""
        total = self.total
        origins = {"cells": total.n_events - total.n_stored, "the store": total.n_stored}
        return ", ".join(f"{number:,} from {place}" for place, number in origins.items() if number)


def to_json(metered: Metered) -> bytes:
    """Return what a pass took, as `METRICS` holds it."""
    shares = [_share(cost, metered.seconds) for cost in metered.costs.values()]
    plain = {
        "schema": SCHEMA,
        "seconds": round(metered.seconds, 1),
        "workers": [asdict(share) for share in shares],
        "all": asdict(_share(metered.total, metered.seconds * len(shares))),
    }
    return (json.dumps(plain, indent=1) + "\n").encode()


def read_metrics(folder: Path) -> dict[str, object] | None:
    """Read `METRICS` of a result; None if there is none."""
    path = folder / METRICS
    if not path.exists():
        return None
    plain = read_object(path)
    record_of(_Metrics, plain, METRICS)
    return plain


def _share(cost: Cost, seconds: float) -> WorkerShare:
    return WorkerShare(
        segments=cost.n_segments,
        events=cost.n_events,
        from_store=cost.n_stored,
        megabytes=round(cost.n_bytes / 1e6),
        read=round(cost.read, 1),
        count=round(max(cost.busy - cost.read, 0.0), 1),
        wait=round(max(seconds - cost.busy, 0.0), 1),
        rate=round(cost.n_events / max(cost.busy, 1e-3)),
    )
