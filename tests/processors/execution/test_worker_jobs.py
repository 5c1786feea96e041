"""Jobs of workers as stand-ins for a batch system tell of them; tests/servers asks a real SLURM."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from na64.processors.execution import worker_jobs
from na64.processors.execution.clusters import ClusterKind
from na64.processors.execution.worker_jobs import QUEUES, JobWatch

SHOWN = """JobId=12 JobName=dask-worker
   UserId=me(1) GroupId=me(1) MCS_label=N/A
   JobState=FAILED Reason=NonZeroExitCode Dependency=(null)
   Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=127:0
   StdErr={log}
   StdIn=/dev/null
"""

Watch = Callable[..., JobWatch]


@pytest.fixture
def answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let a program of a batch system say something."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/usr/bin:/bin")
    (tmp_path / "bin").mkdir()

    def write(program: str, text: str, code: int = 0) -> None:
        path = tmp_path / "bin" / program
        path.write_text(f"#!/bin/sh\ncat <<'E'\n{text}\nE\nexit {code}\n")
        path.chmod(0o755)

    return write


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """A watch over jobs of a kind of cluster, which asks whenever it is asked."""
    monkeypatch.setattr(worker_jobs, "_FIRST_PAUSE", 0.0)
    monkeypatch.setattr(worker_jobs, "_LONGEST_PAUSE", 0.0)

    def make(
        kind: ClusterKind, *numbers: str | None, refusal: str = "", logs: Path | None = None
    ) -> JobWatch:
        logs_name = None if logs is None else str(logs)
        jobs = {
            str(place): SimpleNamespace(job_id=number, refusal=refusal, log_directory=logs_name)
            for place, number in enumerate(numbers)
        }
        return JobWatch("mine", SimpleNamespace(workers=jobs), QUEUES[kind])

    return make


def test_the_last_lines_of_a_job_that_has_left_the_queue_are_said(
    answer: Callable[..., None], watch: Watch, tmp_path: Path
) -> None:
    log = tmp_path / "a log of=mine.out"
    log.write_text("a\nb\n\n  c:   not\tfound \n d\n")
    answer("squeue", "99 RUNNING (None)")
    answer("scontrol", SHOWN.format(log=log))
    found = watch(ClusterKind.SLURM, "9", "12").fault()
    said = (
        "cluster mine: all its 2 jobs ended, so that there are no workers; 12 ended (FAILED, exit code 127)"
    )
    assert found == f"{said}, see {log}: b / c: not found / d"


@pytest.mark.parametrize(
    ("queue", "code", "numbers"),
    [
        ("12 PENDING (Resources)", 0, ("9", "12")),
        ("", 1, ("12",)),
        ("", 0, ("12", None)),
        ("", 0, ()),
    ],
    ids=["one waits", "no answer", "one is being sent", "none is sent"],
)
def test_a_worker_that_may_still_come_is_waited_for(
    *, queue: str, code: int, numbers: tuple[str | None, ...], answer: Callable[..., None], watch: Watch
) -> None:
    answer("squeue", queue, code)
    answer("scontrol", SHOWN.format(log="/none"))
    asked = watch(ClusterKind.SLURM, *numbers)
    assert asked.fault() == ""
    assert asked.waiting() == ("1 in the queue, job 12 is PENDING (Resources)" if "PENDING" in queue else "")


def test_jobs_whose_workers_were_there_may_be_sent_anew_and_their_logs_are_only_named(
    answer: Callable[..., None], watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    (tmp_path / "log").write_text("of an event\n")
    answer("squeue", "")
    answer("scontrol", SHOWN.format(log=tmp_path / "log"))
    asked = watch(ClusterKind.SLURM, "12")
    assert asked.fault(25.0) == ""
    clock[0] += 24.0
    asked.made.workers["0"].job_id = "13"  # sent anew
    assert asked.fault(25.0) == ""
    clock[0] += 24.0
    assert asked.fault(25.0) == ""
    clock[0] += 2.0
    assert asked.fault(25.0).endswith(f"its job 13 ended (FAILED, exit code 127), see {tmp_path / 'log'}")


def test_a_job_that_was_not_taken_is_told(watch: Watch) -> None:
    found = watch(ClusterKind.SLURM, None, None, refusal="sbatch: error: invalid partition").fault()
    assert found == "cluster mine: the batch system takes no job: sbatch: error: invalid partition"


@pytest.mark.parametrize("kind", [ClusterKind.HTCONDOR, ClusterKind.LXPLUS])
def test_a_job_that_condor_holds_has_ended(
    kind: ClusterKind, answer: Callable[..., None], watch: Watch, tmp_path: Path
) -> None:
    (tmp_path / "worker-7.0.err").write_text("no such image\n")
    asked = watch(kind, "7.0", logs=tmp_path)
    answer("condor_q", "7 0 1")
    assert asked.fault() == ""
    held = '#!/bin/sh\ncase "$*" in *HoldReason*) echo no disk;; *) echo 7 0 5;; esac\n'
    (tmp_path / "bin" / "condor_q").write_text(held)
    assert asked.fault() == (
        f"cluster mine: its job 7.0 ended (held: no disk), see {tmp_path}/worker-7.0.err: no such image"
    )
