"""Jobs of batch systems against stand-ins for their commands, which really run the job scripts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from na64.outputs.batch import batch_job, batch_system, submissions
from na64.outputs.batch.submissions import JobStatus, State
from na64.run import main

STAND_INS = Path(__file__).parent / "stand_ins"
SELECTION = ("--selection", "dimuon_2023")

Products = dict[str, bytes]


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Put the stand-ins where the commands of the batch systems would be."""
    monkeypatch.setenv("PATH", f"{STAND_INS}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("STAND_IN_COUNTER", str(tmp_path / "counter"))
    return monkeypatch


@pytest.fixture(scope="module")
def catalogue(simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = simulate(tmp_path_factory.mktemp("batch"), "small", 700)
    listed = files.parent / "c.json"
    assert main(["catalogue", str(files), "--to", str(listed)]) == 0
    return listed


@pytest.fixture(scope="module")
def reference(catalogue: Path, canonical: Callable[[Path], Products]) -> Products:
    folder = catalogue.parent / "reference"
    line = ["process", str(catalogue), *SELECTION, "--to", str(folder), "--executor", "iterative"]
    assert main([*line, "--no-report", "--store", str(folder / "features")]) == 0
    return canonical(folder)


def keys_of(place: Path, job: int) -> list[str]:
    return submissions.keys_of_job(place, submissions.read_submission(place), job)


def submit(catalogue: Path, folder: Path, *options: str) -> int:
    store = ["--store", str(folder / "features")]
    return main(["submit", str(catalogue), *SELECTION, "--to", str(folder), *store, *options])


def test_a_killed_job_is_sent_again_alone_and_the_products_are_the_same(
    *,
    catalogue: Path,
    reference: Products,
    canonical: Callable[[Path], Products],
    queue: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    queue.setenv("STAND_IN_KILL", "1")
    assert submit(catalogue, out, "--condor", "--jobs", "2", "--directive", '+JobFlavour = "longlunch"') == 0
    assert "sent as condor 101: " in capsys.readouterr().out
    assert main(["status", str(out)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == [
        "submission 1, condor 101: jobs: 1 done, 1 ended without a word",
        "  job 1 ended without a word; see batch/1/logs/1.err",
    ]
    assert main(["merge", str(out), "--no-report"]) == 1
    assert re.search(
        r"^  run_870\d\w*.root, events 0 to \d+: not counted yet$", capsys.readouterr().out, re.M
    )
    queue.delenv("STAND_IN_KILL")
    lost = keys_of(out / "batch" / "1", 1)
    assert submit(catalogue, out, "--condor") == 0
    assert re.search(
        rf"^4 segments: {4 - len(lost)} counted before, {len(lost)} to send$", capsys.readouterr().out, re.M
    )
    assert keys_of(out / "batch" / "2", 0) == lost
    assert main(["merge", str(out), "--no-report"]) == 0
    assert canonical(out) == reference
    capsys.readouterr()
    assert submit(catalogue, out, "--slurm") == 0
    assert capsys.readouterr().out.splitlines()[1] == f"nothing to send: na64 merge {out}"
    assert main(["status", str(out)]) == 0
    assert "submission 1, condor 101: jobs: 2 done\n" in capsys.readouterr().out


def test_jobs_of_slurm_find_everything_in_folders_with_odd_names(
    *,
    catalogue: Path,
    reference: Products,
    canonical: Callable[[Path], Products],
    queue: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    out = tmp_path / "it's my $place" / "out put"
    queue.chdir(tmp_path)
    queue.setenv("PYTHONPATH", os.pathsep.join(["", "my modules"]))
    assert submit(catalogue, out, "--slurm", "--jobs", "2", "--directive=--export=NONE") == 0
    script = (out / "batch" / "1" / "job.sh").read_text()
    assert f"export PYTHONPATH='{tmp_path / 'my modules'}'\n" in script
    assert main(["merge", str(out), "--no-report"]) == 0
    assert canonical(out) == reference


def test_jobs_at_once_in_one_ledger_give_the_same_products(
    *,
    catalogue: Path,
    reference: Products,
    canonical: Callable[[Path], Products],
    queue: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    assert submit(catalogue, out, "--slurm", "--jobs", "2", "--chunk-events", "97", "--minutes", "5") == 0
    assert main(["merge", str(out), "--no-report"]) == 0
    assert canonical(out) == reference
    log = [json.loads(line) for line in (catalogue.parent / "audit.jsonl").read_text().splitlines()]
    assert [line["event"] for line in log].count("process") >= 1
    assert main(["audit", str(out)]) == 0


def work(out: Path, job: int = 0) -> subprocess.Popen[bytes]:
    line = [sys.executable, "-m", "na64.run", "work", str(out / "batch" / "1" / "jobs" / f"{job}.json")]
    return subprocess.Popen(line, stderr=subprocess.DEVNULL)


def unsent(catalogue: Path, out: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> None:
    """Submit where there is no batch system."""
    monkeypatch.setenv("PATH", "")
    assert submit(catalogue, out, "--condor", *options) == 0


@pytest.mark.soak
def test_the_same_job_twice_at_the_same_time_does_no_harm(
    *,
    catalogue: Path,
    reference: Products,
    canonical: Callable[[Path], Products],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    unsent(catalogue, out, monkeypatch)
    both = [work(out), work(out)]
    assert [process.wait() for process in both] == [0, 0]
    assert main(["merge", str(out), "--no-report"]) == 0
    assert canonical(out) == reference
    assert not list(out.rglob("*.damaged"))
    assert not list(out.rglob("*.writing"))


def test_without_a_batch_system_the_command_is_said(
    catalogue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    unsent(catalogue, tmp_path, monkeypatch, "--jobs", "3", "--memory", "2000")
    description = tmp_path / "batch" / "1" / "submit.sub"
    assert capsys.readouterr().out.splitlines()[2:4] == [
        "condor_submit is not on this machine: where it is, run",
        f"  condor_submit {description}",
    ]
    assert "request_memory = 2000\n" in description.read_text()
    assert main(["status", str(tmp_path)]) == 1
    assert "submission 1, condor (not sent): jobs: 3 waiting" in capsys.readouterr().out


def test_a_dry_run_writes_nothing(
    catalogue: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    line = ["submit", str(catalogue), *SELECTION, "--to", str(out), "--slurm", "--events-per-job", "250"]
    assert main([*line, "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "4 segments: 0 counted before, 4 to send",
        "3 jobs of about 233 events",
    ]
    assert not out.exists()


def test_what_is_in_the_queue_is_not_sent_again(
    catalogue: Path, queue: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with queue.context() as nowhere:
        unsent(catalogue, tmp_path, nowhere, "--jobs", "2")
    place, submission = submissions.latest(tmp_path)
    submissions.rewrite(place, replace(submission, batch_id="77"))
    queue.setenv("STAND_IN_QUEUE", "77 0\n76 1")
    capsys.readouterr()
    line = ["submit", str(catalogue), *SELECTION, "--to", str(tmp_path), "--condor", "--dry-run"]
    assert main(line) == 0
    n_queued = len(keys_of(place, 0))
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"4 segments: 0 counted before, {n_queued} in the queue, {4 - n_queued} to send"
    assert main(["status", str(tmp_path)]) == 1
    assert "jobs: 1 ended without a word, 1 waiting" in capsys.readouterr().out


def test_a_refused_submission_leaves_nothing_behind(
    catalogue: Path, queue: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit(catalogue, tmp_path, "--slurm", "--directive", "--not a directive") == 1
    assert capsys.readouterr().err == (
        "na64: sbatch refuses submit.sh: sbatch: error: cannot parse '#SBATCH --not a directive'\n"
    )
    assert submissions.submissions(tmp_path) == {}


def test_a_job_whose_catalogue_has_changed_fails_and_says_so(
    *,
    catalogue: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    selection = tmp_path / "mine.toml"
    text = (Path(__file__).parents[1] / "selections" / "dimuon_2023.toml").read_text()
    selection.write_text(text.replace('name = "dimuon_2023"', 'name = "mine"', 1))
    monkeypatch.setenv("PATH", "")
    out = tmp_path / "out"
    line = ["submit", str(catalogue), "--selection", str(selection), "--to", str(out), "--condor"]
    assert main(line) == 0
    selection.write_text(selection.read_text().replace("below = 8,", "below = 9,", 1))
    capsys.readouterr()
    assert main(["work", str(out / "batch" / "1" / "jobs" / "0.json")]) == 2
    why = "catalogue, selection or plug-in have changed since it was submitted"
    assert capsys.readouterr().err == f"na64: {why}\n"
    assert main(["status", str(out)]) == 1
    assert f"  job 0 failed: {why}; see batch/1/logs/0.err\n" in capsys.readouterr().out
    assert main(["merge", str(out)]) == 2
    assert "have changed since the jobs were submitted" in capsys.readouterr().err
    place, submission = submissions.latest(out)
    submissions.rewrite(place, replace(submission, code="0" * 64))
    with pytest.raises(ValueError, match=r"^the code is \w{12} here, 000000000000 was submitted$"):
        batch_job.perform(place, 0)


def test_why_a_segment_failed_in_a_job_is_in_the_products(
    catalogue: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unsent(catalogue, tmp_path, monkeypatch)
    place = tmp_path / "batch" / "1"
    key = keys_of(place, 0)[0]
    submissions.write_status(
        place, 0, JobStatus(State.FAILED, failures={key: ("OSError: Input/output error", False)})
    )
    capsys.readouterr()
    assert main(["status", str(tmp_path)]) == 1
    assert "  job 0 failed: 1 segment; see batch/1/logs/0.err\n" in capsys.readouterr().out
    assert main(["merge", str(tmp_path), "--no-report"]) == 1
    said = capsys.readouterr().out
    assert len(re.findall(r": OSError: Input/output error$", said, re.M)) == 1
    assert len(re.findall(r": not counted yet$", said, re.M)) == 3


def test_what_was_not_submitted_cannot_be_merged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["merge", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"na64: {tmp_path}: nothing was submitted\n"
    assert main(["work", str(tmp_path)]) == 2
    assert "not the list of a job" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_batch_system_that_does_not_answer_is_not_a_queue_without_jobs(
    queue: pytest.MonkeyPatch, tmp_path: Path, catalogue: Path
) -> None:
    with queue.context() as nowhere:
        unsent(catalogue, tmp_path, nowhere)
    _, submission = submissions.latest(tmp_path)
    assert batch_system.queued(submission) is None
    assert batch_system.queued(replace(submission, batch_id="5")) == set()
    queue.setenv("PATH", "")
    assert batch_system.queued(replace(submission, batch_id="5")) is None


@pytest.mark.parametrize("name", ["50%", "a\\b", "two\nlines"])
def test_slurm_is_not_told_of_folders_that_it_takes_for_something_else(
    name: str, catalogue: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit(catalogue, tmp_path / name, "--slurm") == 2
    assert "in a path means something else to slurm" in capsys.readouterr().err
    assert not (tmp_path / name / "batch").exists()


def test_a_batch_system_that_never_answers_is_given_up(
    queue: pytest.MonkeyPatch, tmp_path: Path, catalogue: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bin").mkdir()
    silent = tmp_path / "bin" / "sbatch"
    silent.write_text("#!/bin/sh\nexec sleep 600\n")
    silent.chmod(0o755)
    queue.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    queue.setattr(batch_system, "_SECONDS", 0.2)
    assert submit(catalogue, tmp_path / "out", "--slurm") == 1
    assert "na64: sbatch does not answer within 0.2 s\n" in capsys.readouterr().err
    assert not list((tmp_path / "out" / "batch").glob("*"))
