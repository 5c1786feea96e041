"""Batch jobs of a real SLURM of one node: sent, cancelled, started again, held back by a node."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from na64.outputs.batch import submissions
from na64.run import main

pytestmark = pytest.mark.soak

Products = dict[str, bytes]


def keys_of(place: Path, job: int) -> list[str]:
    return submissions.keys_of_job(place, submissions.read_submission(place), job)


def submit(listed: Path, out: Path, *options: str) -> int:
    line = ["submit", str(listed), "--selection", "dimuon_2023", "--to", str(out), "--slurm"]
    return main([*line, "--store", str(out / "features"), "--memory", "2000", *options])


def merge(out: Path) -> int:
    return main(["merge", str(out), "--no-report"])


@pytest.mark.parametrize("name", ["plain", "it's a folder", 'a "quoted"  one', "#1 $HOME `x` & ;"])
def test_jobs_of_folders_with_any_name_give_the_products_of_one_process(
    *,
    name: str,
    slurm: Any,
    catalogue: Path,
    reference: Products,
    canonical: Callable[[Path], Products],
    tmp_path: Path,
) -> None:
    out = tmp_path / name / "out"
    assert submit(catalogue, out, "--jobs", "2", "--directive=--partition=short") == 0
    slurm.wait_for_the_queue()
    assert merge(out) == 0
    assert canonical(out) == reference


def test_jobs_without_an_environment_know_the_periods_of_the_catalogue(
    *,
    slurm: Any,
    data: Path,
    canonical: Callable[[Path], Products],
    edited: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    periods = tmp_path / "my periods"
    edited("period", "2023A", periods, ("scale = { value = 1,", "scale = { value = 1.25,"))
    monkeypatch.chdir(tmp_path)
    listed = tmp_path / "c.json"
    assert main(["catalogue", str(data), "--to", str(listed), "--periods", str(periods)]) == 0
    alone = ["process", str(listed), "--selection", "dimuon_2023", "--to", str(tmp_path / "alone")]
    assert main([*alone, "--executor", "iterative", "--no-report", "--store", str(tmp_path / "store")]) == 0
    assert submit(listed, Path("out"), "--directive=--export=NONE") == 0
    slurm.wait_for_the_queue()
    assert merge(tmp_path / "out") == 0
    assert canonical(tmp_path / "out") == canonical(tmp_path / "alone")


def test_a_cancelled_job_is_sent_again_alone(
    *,
    slurm: Any,
    catalogue: Path,
    reference: Products,
    holding: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, plugin = tmp_path / "out", ("--plugin", str(holding.plugin))
    holding.hold()
    assert submit(catalogue, out, "--jobs", "2", *plugin) == 0
    holding.wait(2)
    capsys.readouterr()
    assert main(["status", str(out)]) == 1
    assert "jobs: 2 running" in capsys.readouterr().out
    assert submit(catalogue, out, *plugin) == 0
    assert "4 segments: 0 counted before, 4 in the queue, 0 to send" in capsys.readouterr().out
    number = submissions.latest(out)[1].batch_id
    slurm.ask("scancel", f"{number}_1")
    wait_for_job(slurm, f"{number}_1")
    holding.release()
    slurm.wait_for_the_queue()
    assert main(["status", str(out)]) == 1
    said = capsys.readouterr().out
    assert f"submission 1, slurm {number}: jobs: 1 done, 1 ended without a word" in said
    assert "job 1 ended without a word; see batch/1/logs/1.err" in said
    assert "CANCELLED" in (out / "batch" / "1" / "logs" / "1.err").read_text()
    assert merge(out) == 1
    assert "not counted yet" in capsys.readouterr().out
    lost = keys_of(out / "batch" / "1", 1)
    assert submit(catalogue, out, *plugin) == 0
    assert keys_of(out / "batch" / "2", 0) == lost
    slurm.wait_for_the_queue()
    assert merge(out) == 0
    assert (out / "yields.csv").read_bytes() == reference["yields.csv"]


def test_a_job_that_is_started_again_counts_once(
    slurm: Any,
    catalogue: Path,
    reference: Products,
    holding: Any,
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    holding.hold()
    assert submit(catalogue, out, "--plugin", str(holding.plugin)) == 0
    holding.wait()
    number = submissions.latest(out)[1].batch_id
    slurm.ask("scontrol", "requeue", f"{number}_0")
    holding.release()
    slurm.ask("scontrol", "release", f"{number}_0")
    slurm.wait_for_the_queue()
    assert "REQUEUE" in (out / "batch" / "1" / "logs" / "0.err").read_text().upper()
    assert merge(out) == 0
    assert (out / "yields.csv").read_bytes() == reference["yields.csv"]


def test_jobs_wait_for_a_node_that_is_drained(
    slurm: Any, catalogue: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    slurm.drain()
    assert submit(catalogue, out) == 0
    assert main(["status", str(out)]) == 1
    assert "jobs: 1 waiting" in capsys.readouterr().out
    assert submit(catalogue, out) == 0
    assert "4 in the queue, 0 to send" in capsys.readouterr().out
    slurm.resume()
    slurm.wait_for_the_queue()
    assert merge(out) == 0


def test_what_slurm_refuses_is_said_and_leaves_nothing(
    slurm: Any, catalogue: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert submit(catalogue, out, "--directive=--partition=nowhere") == 1
    said = capsys.readouterr().err
    assert re.search(r"^na64: sbatch refuses submit.sh: .*invalid partition specified: nowhere", said, re.M)
    assert submissions.submission_numbers(out) == []


def test_a_controller_that_is_gone_is_said_and_not_taken_for_an_empty_queue(
    slurm: Any, catalogue: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    slurm.drain()
    assert submit(catalogue, out) == 0
    slurm.daemons["slurmctld"].terminate()
    slurm.daemons["slurmctld"].wait()
    try:
        assert main(["status", str(out)]) == 1
        assert "jobs: 1 waiting" in capsys.readouterr().out
        assert submit(catalogue, out) == 1
        said = capsys.readouterr().err
    finally:
        slurm.start("slurmctld", "-D")
        wait_until_it_answers(slurm)
    assert re.search(r"^na64: sbatch refuses submit.sh: .*(contact|connect)", said, re.M)
    assert submissions.submission_numbers(out) == [1]
    slurm.resume()
    slurm.wait_for_the_queue()
    assert merge(out) == 0


def wait_for_job(slurm: Any, name: str) -> None:
    slurm.wait(lambda: name not in slurm.queue(), f"job {name} is still in the queue")


def wait_until_it_answers(slurm: Any) -> None:
    slurm.wait(lambda: "no answer" not in slurm.node(), "the controller")
