"""Workers that are jobs of a batch system: what became of jobs that brought none."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distributed.deploy.spec import ProcessInterface

from na64.processors.execution.clusters import ClusterKind

_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 10.0
_SECONDS_TO_ANSWER = 20.0
_N_LINES = 3
_LOG_BYTES = 4096
_HELD = "5"  # JobStatus of HTCondor


@dataclass(frozen=True, slots=True)
class JobEnd:
    """The end of a job as its batch system tells it.

    Attributes
    ----------
    state : str
        Empty if it is not known.
    log : Path or None
        What it wrote on standard error.
    """

    state: str = ""
    log: Path | None = None


@dataclass(frozen=True, slots=True)
class JobQueue:
    """The questions that a batch system answers.

    Attributes
    ----------
    living : callable
        Numbers of the jobs that wait or run, each with its state; None if there is no answer.
    end : callable
        End of a job, by its number and the folder of logs, which may be None.
    """

    living: Callable[[], dict[str, str] | None]
    end: Callable[[str, str | None], JobEnd]


def _ask(*line: str) -> str | None:
    if shutil.which(line[0]) is None:
        return None
    try:
        done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=_SECONDS_TO_ANSWER)
    except subprocess.TimeoutExpired:
        return None
    return None if done.returncode else done.stdout


def _living_in_slurm() -> dict[str, str] | None:
    answer = _ask("squeue", "--me", "--noheader", "--format=%i %T (%r)")
    if answer is None:
        return None
    return dict((line + " ").split(" ", 1) for line in answer.splitlines())


def _end_in_slurm(job: str, _logs: str | None) -> JobEnd:
    answer = _ask("scontrol", "show", "job", job) or ""
    state = re.search(r"\bJobState=(\S+)", answer)
    code = re.search(r"\bExitCode=(\d+)", answer)
    log = re.search(r"^\s*StdErr=(.+)$", answer, re.MULTILINE)
    if state is None or code is None:
        return JobEnd()
    return JobEnd(f"{state[1]}, exit code {code[1]}", None if log is None else Path(log[1]))


def _living_in_condor() -> dict[str, str] | None:
    answer = _ask("condor_q", "-autoformat", "ClusterId", "ProcId", "JobStatus")
    if answer is None:
        return None
    rows = [row.split() for row in answer.splitlines()]
    return {f"{row[0]}.{row[1]}": f"JobStatus {row[2]}" for row in rows if row[2:] and row[2] != _HELD}


def _end_in_condor(job: str, logs: str | None) -> JobEnd:
    held = (_ask("condor_q", job, "-autoformat", "HoldReason") or "").strip()
    return JobEnd(
        f"held: {held}" if held not in ("", "undefined") else "",
        None if logs is None else Path(logs) / f"worker-{job}.err",
    )


_CONDOR = JobQueue(_living_in_condor, _end_in_condor)
QUEUES = {
    ClusterKind.SLURM: JobQueue(_living_in_slurm, _end_in_slurm),
    ClusterKind.HTCONDOR: _CONDOR,
    ClusterKind.LXPLUS: _CONDOR,
}
"""Batch systems whose jobs are watched."""


def refusable(kind: type[Any]) -> type[Any]:
    """Return a class of dask-jobqueue's jobs that keep in words why the batch system does not take them."""

    class Refusable(kind):  # type: ignore[misc]
        refusal = ""

        async def start(self) -> None:
            try:
                await super().start()
            except (RuntimeError, ValueError) as error:
                self.refusal = " ".join(str(error).rpartition("stderr:")[2].split()) or type(error).__name__
                await ProcessInterface.start(self)  # it is there, with nothing that could be closed

    return Refusable


@dataclass(slots=True)
class JobWatch:
    """The jobs that a cluster of dask-jobqueue has sent, looked at while there are no workers.

    Attributes
    ----------
    name : str
        Of the cluster.
    made : SpecCluster
    queue : JobQueue
    """

    name: str
    made: Any
    queue: JobQueue
    _pause: float = _FIRST_PAUSE
    _due: float = 0.0
    _gone: frozenset[str] = frozenset()
    _since: float = 0.0
    _waiting: dict[str, str] = field(default_factory=dict)

    def fault(self, after: float = 0.0) -> str:
        """Return why no worker will come; empty if one may, or that cannot be found out.

        Parameters
        ----------
        after : float, s
            How long all jobs have to be gone: one whose worker was there is sent anew by Dask after a while,
            and what it wrote may be about events, so that its last lines are not told.
        """
        now = time.monotonic()
        if now < self._due:
            return ""
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        self._due = now + self._pause
        jobs = list(self.made.workers.values())
        refused = [job.refusal for job in jobs if job.refusal]
        if refused and len(refused) == len(jobs):
            return f"cluster {self.name}: the batch system takes no job: {refused[-1]}"
        return self._fault_of_sent(jobs, now, after)

    def _fault_of_sent(self, jobs: Sequence[Any], now: float, after: float) -> str:
        sent = [job for job in jobs if not job.refusal]
        living = self.queue.living() if sent and all(job.job_id for job in sent) else None
        self._waiting = {job.job_id: (living or {}).get(job.job_id, "") for job in sent}
        if living is None or any(job.job_id in living for job in sent):
            self._gone = frozenset()
            return ""
        gone = frozenset(self._waiting)
        if gone != self._gone:
            self._gone, self._since = gone, now
        return "" if now - self._since < after else self._describe(sent, with_log=not after)

    def waiting(self) -> str:
        """Return the state of a job, as it was when the queue was last asked; empty if not known."""
        states = [f"job {job} is {state.strip()}" for job, state in self._waiting.items() if state.strip()]
        return f"{len(states)} in the queue, {states[0]}" if states else ""

    def _describe(self, jobs: Sequence[Any], *, with_log: bool) -> str:
        last = max(jobs, key=lambda job: (len(job.job_id), job.job_id))
        end = self.queue.end(last.job_id, last.log_directory)
        which = (
            "its job" if len(jobs) == 1 else f"all its {len(jobs)} jobs ended, so that there are no workers;"
        )
        said = f"cluster {self.name}: {which} {last.job_id} ended" + (f" ({end.state})" if end.state else "")
        if end.log is None:
            return said
        lines = _last_lines(end.log) if with_log else ""
        return f"{said}, see {end.log}" + (f": {lines}" if lines else "")


def _last_lines(log: Path) -> str:
    """Return the end of a log as one line."""
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LOG_BYTES))
        lines = [" ".join(line.split()) for line in file.read().decode("utf-8", "replace").splitlines()]
        return " / ".join([line for line in lines if line][-_N_LINES:])
    return ""
