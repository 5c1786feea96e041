"""Jobs of a batch system: what each has to count, what it says of itself, and what is left to do.

A folder of a result has a folder `BATCH` with a numbered folder a submission. Its jobs share nothing but the
ledger, so any of them may be lost, sent again, or run twice.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from pathlib import Path

from na64.datasets.basics.atomic_file import write_bytes
from na64.datasets.basics.identity import bytes_digest
from na64.datasets.basics.json_records import parse_object, read_object, record_of
from na64.datasets.basics.named import shortened
from na64.outputs.result.messages import counted
from na64.outputs.result.request import Request
from na64.processors.execution.ledger import Ledger
from na64.processors.execution.tasks import Task

BATCH = "batch"
_SUBMISSION = "submission.json"
_JOBS = "jobs"
_STATES = "states"


class System(Enum):
    """A batch system."""

    CONDOR = "condor"
    SLURM = "slurm"


class State(Enum):
    """What a job has last said of itself; that it is lost, others say."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    LOST = "ended without a word"


@dataclass(frozen=True, slots=True)
class Submission:
    """What was sent to a batch system at one time.

    Attributes
    ----------
    system : System
    request : Request
        What was asked of `na64 submit`.
    result : str
        `na64.processors.segments.identity_of` all segments, those included that were counted before.
    code : str
        `na64.processors.execution.tasks.package_code`.
    workers : int
        Processes of a job.
    store : str
        Folder of the feature store.
    chunk_events : int or None
    batch_id : str
        What the batch system calls it; empty if nobody has sent it yet.
    lists : tuple of str
        sha256 of the list of every job, so that all segments that were sent are in them.
    """

    system: System
    request: Request
    result: str
    code: str
    workers: int
    store: str
    chunk_events: int | None = None
    batch_id: str = ""
    lists: tuple[str, ...] = ()

    @property
    def n_jobs(self) -> int:
        """How many jobs it has."""
        return len(self.lists)


@dataclass(frozen=True, slots=True)
class JobStatus:
    """What a job says of itself.

    Attributes
    ----------
    state : State
    error : str
        Why it ended early, in a line.
    failures : mapping of str to (str, bool)
        Why segments have no result, by key, and whether a part of their events may have one.
    """

    state: State = State.WAITING
    error: str = ""
    failures: Mapping[str, tuple[str, bool]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _List:
    """What a job has to count."""

    keys: tuple[str, ...]
    events: int


def split_tasks(tasks: Iterable[Task], n_jobs: int) -> list[list[Task]]:
    """Deal tasks out to jobs: about as many events each, and files together.

    Parameters
    ----------
    tasks : iterable of Task
    n_jobs : int
        At most; no job is empty.
    """
    ordered = sorted(tasks, key=lambda task: (task.path, task.start))
    total = sum(task.n_events for task in ordered)
    shares: list[list[Task]] = [[] for _ in range(n_jobs)]
    done = 0
    for task in ordered:
        middle = done + task.n_events / 2
        shares[min(int(middle * n_jobs / max(total, 1)), n_jobs - 1)].append(task)
        done += task.n_events
    return [tasks for tasks in shares if tasks]


def write_submission(
    folder: Path, submission: Submission, shares: Sequence[Sequence[Task]]
) -> tuple[Path, Submission]:
    """Write a submission and the lists of its jobs into a new numbered folder; return both.

    Parameters
    ----------
    folder : Path
        Of the result.
    submission : Submission
    shares : sequence of sequences of Task
    """
    number = max(submission_numbers(folder), default=0) + 1
    place = folder / BATCH / str(number)
    lists = []
    for job, tasks in enumerate(shares):
        n_events = sum(task.n_events for task in tasks)
        listed = _json({"keys": [task.key for task in tasks], "events": n_events})
        write_bytes(list_of_job(place, job), listed)
        lists.append(bytes_digest(listed))
    (place / "logs").mkdir()
    written = replace(submission, lists=tuple(lists))
    rewrite(place, written)
    return place, written


def rewrite(place: Path, submission: Submission) -> None:
    """Write a submission into its folder."""
    plain = asdict(submission) | {"system": submission.system.value}
    write_bytes(place / _SUBMISSION, _json(plain))


def read_submission(place: Path) -> Submission:
    """Read a submission from its folder.

    Raises
    ------
    ValueError
        It is damaged, or there are more or fewer lists of jobs than it names.
    """
    name = f"{place.name}/{_SUBMISSION}"
    found = record_of(Submission, read_object(place / _SUBMISSION), name)
    there = len(list((place / _JOBS).glob("*.json")))
    if not found.n_jobs or there != found.n_jobs:
        raise ValueError(f"{name}: names {counted(found.n_jobs, 'list')} of jobs, {_JOBS} has {there}")
    return found


def submission_numbers(folder: Path) -> list[int]:
    """Return the numbers of the submissions of a result, those that broke off included."""
    return sorted(int(path.name) for path in (folder / BATCH).glob("*") if path.name.isdecimal())


def submissions(folder: Path) -> dict[Path, Submission]:
    """Read all submissions of a result, by folder, oldest first."""
    places = [folder / BATCH / str(number) for number in submission_numbers(folder)]
    return {place: read_submission(place) for place in places if (place / _SUBMISSION).exists()}


def latest(folder: Path) -> tuple[Path, Submission]:
    """Read the last submission of a result.

    Raises
    ------
    FileNotFoundError
        There is none.
    """
    known = submissions(folder)
    if not known:
        raise FileNotFoundError(2, "nothing was submitted", str(folder))
    return list(known.items())[-1]


def list_of_job(place: Path, job: int) -> Path:
    """Return the file with the keys that a job has to count."""
    return place / _JOBS / f"{job}.json"


def keys_of_job(place: Path, submission: Submission, job: int) -> list[str]:
    """Return the keys that a job has to count.

    Raises
    ------
    ValueError
        The list is not the one that was written with the submission.
    """
    return list(_listed(place, submission, job).keys)


def events_of_job(place: Path, submission: Submission, job: int) -> int:
    """Return how many events a job has to count."""
    return _listed(place, submission, job).events


def _listed(place: Path, submission: Submission, job: int) -> _List:
    path = list_of_job(place, job)
    name, data = f"{_JOBS}/{path.name}", path.read_bytes()
    if job >= submission.n_jobs:
        raise ValueError(f"{name}: {place.name}/{_SUBMISSION} has {counted(submission.n_jobs, 'job')}")
    found = record_of(_List, parse_object(data, name), name)
    if bytes_digest(data) != submission.lists[job]:
        raise ValueError(f"{name}: is not the list that was written with {place.name}/{_SUBMISSION}")
    return found


def write_status(place: Path, job: int, job_status: JobStatus) -> None:
    """Leave word of a job."""
    write_bytes(
        place / _STATES / f"{job}.json", _json(asdict(job_status) | {"state": job_status.state.value})
    )


def read_status(place: Path, job: int) -> JobStatus:
    """Return the last word of a job."""
    path = place / _STATES / f"{job}.json"
    return record_of(JobStatus, read_object(path), f"{_STATES}/{path.name}") if path.exists() else JobStatus()


def reasons(folder: Path) -> dict[str, tuple[str, bool]]:
    """Return the `JobStatus.failures` of all jobs; the last word counts."""
    known: dict[str, tuple[str, bool]] = {}
    for place, submission in submissions(folder).items():
        for job in range(submission.n_jobs):
            known |= read_status(place, job).failures
    return known


def status(folder: Path, queued: Mapping[Path, Collection[int] | None]) -> Iterator[str]:
    """State of the jobs of every submission, line by line.

    Parameters
    ----------
    folder : Path
        Of the result.
    queued : mapping of Path to collection of int or None
        Jobs that are still in the queue, by submission; None where that is not known.
    """
    for place, submission in submissions(folder).items():
        statuses = [
            _last_status(place, submission, job, queued.get(place)) for job in range(submission.n_jobs)
        ]
        counts = Counter(job_status.state.value for job_status in statuses)
        sent = f"{submission.system.value} {shortened(submission.batch_id or '(not sent)')}"
        states = ", ".join(f"{number:,} {state}" for state, number in sorted(counts.items()))
        yield f"submission {place.name}, {sent}: jobs: {states}"
        for job, job_status in enumerate(statuses):
            if job_status.state in (State.FAILED, State.LOST):
                why = job_status.error or (
                    counted(len(job_status.failures), "segment") if job_status.failures else ""
                )
                log = Path(BATCH, place.name, "logs", f"{job}.err")
                yield f"  job {job} {job_status.state.value}{': ' if why else ''}{why}; see {log}"


def _last_status(place: Path, submission: Submission, job: int, queued: Collection[int] | None) -> JobStatus:
    """What became of a job; done is one whose segments were all counted, by whomever."""
    job_status = read_status(place, job)
    ledger = Ledger(place.parents[1] / "partials")
    if all(ledger.path(key).exists() for key in keys_of_job(place, submission, job)):
        return JobStatus(State.DONE)
    if job_status.state in (State.WAITING, State.RUNNING) and queued is not None and job not in queued:
        return JobStatus(State.LOST)
    return job_status


def _json(plain: Mapping[str, object]) -> bytes:
    return (json.dumps(plain, indent=1, sort_keys=True) + "\n").encode()
