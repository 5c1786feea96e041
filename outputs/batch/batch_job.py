"""What one job of a batch system does, and what comes of all of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

from na64.datasets.catalogue.build import Catalogue
from na64.outputs.batch.submissions import (
    JobStatus,
    State,
    Submission,
    keys_of_job,
    latest,
    read_submission,
    reasons,
    write_status,
)
from na64.outputs.result.request import set_up
from na64.processors.campaign import CampaignResult, process
from na64.processors.events.feature_store import FeatureStore
from na64.processors.execution.backend import Answers, Backend
from na64.processors.execution.backends import IterativeBackend
from na64.processors.execution.executor import Progress, silent
from na64.processors.execution.ledger import Ledger
from na64.processors.execution.processes import ProcessesBackend
from na64.processors.execution.tasks import Failed, Task, Work, package_code
from na64.processors.job import Job
from na64.processors.segments import identity_of, plan

_TROUBLE = (ValueError, KeyError, OSError, RuntimeError)


def perform(place: Path, job: int, *, progress: Progress = silent) -> bool:
    """Count what a job has to, and leave word of it.

    Parameters
    ----------
    place : Path
        Of the submission.
    job : int
    progress : callable

    Returns
    -------
    bool
        Whether all of it was counted.

    Raises
    ------
    ValueError
        Something has changed since the job was submitted.
    """
    write_status(place, job, JobStatus(State.RUNNING))
    try:
        failures = _count(place, job, progress)
    except _TROUBLE as problem:
        write_status(place, job, JobStatus(State.FAILED, " ".join(str(problem).split())))
        raise
    write_status(place, job, JobStatus(State.FAILED if failures else State.DONE, failures=failures))
    return not failures


def _count(place: Path, job: int, progress: Progress) -> dict[str, tuple[str, bool]]:
    """Count, and return the failures."""
    folder, submission = place.parents[1], read_submission(place)
    if (found := package_code()) != submission.code:
        raise ValueError(f"the code is {found[:12]} here, {submission.code[:12]} was submitted")
    request = submission.request
    catalogue, asked = set_up(folder, request)
    keys = set(keys_of_job(place, submission, job))
    tasks = [task for task in plan(catalogue, asked, limit=request.limit) if task.key in keys]
    if len(tasks) < len(keys):
        raise ValueError("catalogue, selection or plug-in have changed since it was submitted")
    inner = IterativeBackend() if submission.workers == 1 else ProcessesBackend(submission.workers)
    with _FailureRecorder(inner) as backend:
        result = process(
            catalogue,
            asked,
            backend,
            Ledger(folder / "partials"),
            tasks=tasks,
            chunk_events=submission.chunk_events,
            store=FeatureStore(Path(os.path.normpath(folder.resolve() / submission.store))),
            progress=progress,
        )
    if result.interrupted:
        raise RuntimeError("interrupted")
    if result.failures and not backend.failures:
        raise RuntimeError(result.failures[0])
    return backend.failures


class _FailureRecorder(Backend):
    """Remembers what failed on another backend.

    Attributes
    ----------
    failures : dict of str to (str, bool)
        By key: the reason, and whether a part of the events may do better.
    """

    def __init__(self, backend: Backend) -> None:
        self.failures: dict[str, tuple[str, bool]] = {}
        self._backend = backend

    def close(self) -> None:
        """Close the other."""
        self._backend.close()

    def map(self, work: Work, tasks: Iterable[Task]) -> Answers:
        """Perform tasks there."""
        with closing(self._backend.map(work, tasks)) as answers:
            for task, report in answers:
                if isinstance(report, Failed):
                    self.failures[task.key] = (report.reason, report.divisible)
                yield task, report


class _NullBackend(Backend):
    """Performs nothing and says why."""

    def __init__(self, failures: Mapping[str, tuple[str, bool]]) -> None:
        self._failures = failures

    def map(self, _work: Work, tasks: Iterable[Task]) -> Answers:
        """Every task back undone."""
        for task in tasks:
            reason, divisible = self._failures.get(task.key, ("not counted yet", False))
            yield task, Failed(reason, divisible=divisible)


def merge(folder: Path) -> tuple[Catalogue, Job, CampaignResult, Submission]:
    """Sum up what the jobs of a result have counted so far.

    Parameters
    ----------
    folder : Path
        Of the result.

    Raises
    ------
    FileNotFoundError
        Nothing was submitted.
    ValueError
        Something has changed since.
    """
    _, submission = latest(folder)
    request = submission.request
    catalogue, job = set_up(folder, request)
    tasks = plan(catalogue, job, limit=request.limit)
    if identity_of(tasks) != submission.result:
        raise ValueError(
            f"{folder}: catalogue, selection, plug-in or code have changed since the jobs were submitted"
        )
    null_backend = _NullBackend(reasons(folder))
    result = process(catalogue, job, null_backend, Ledger(folder / "partials"), tasks=tasks)
    return catalogue, job, result, submission
