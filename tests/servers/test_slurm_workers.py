"""Dask workers that are jobs of a real SLURM of one node."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from na64.run import main

pytestmark = pytest.mark.soak

Products = dict[str, bytes]


def describe(folder: Path, more: str = "", **cluster: object) -> Path:
    """Write the TOML file of a cluster whose workers come from SLURM."""
    folder.mkdir(parents=True, exist_ok=True)
    given = {"kind": '"slurm"', "minimum": 1, "maximum": 2, **cluster}
    lines = ["[cluster]", *(f"{name} = {value}" for name, value in given.items() if value is not None)]
    lines += ["[options]", "cores = 1", 'memory = "1500 MB"', 'queue = "short"', more]
    lines += ["[options.scheduler_options]", 'host = "127.0.0.1"']
    path = folder / "mine.toml"
    path.write_text("\n".join(lines))
    return path


def process(listed: Path, out: Path, cluster: Path, *options: str) -> int:
    line = ["process", str(listed), "--selection", "dimuon_2023", "--to", str(out), "--no-report"]
    return main([*line, "--store", str(out / "features"), "--cluster", str(cluster), *options])


def test_workers_in_folders_with_blanks_and_without_an_environment_give_the_same_products(
    *,
    slurm: Any,
    catalogue: Path,
    reference: Products,
    canonical: Callable[[Path], Products],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = tmp_path / "it's a folder"
    cluster = describe(place, f'local_directory = "{place}"\njob_extra_directives = ["--export=NONE"]')
    monkeypatch.chdir(place)
    assert process(catalogue, place / "out", cluster) == 0
    assert canonical(place / "out") == reference
    slurm.wait_for_the_queue()
    assert not list(place.glob(".na64-tls-*"))


@pytest.mark.parametrize(
    "workers", [{}, {"minimum": None, "maximum": None, "workers": 1}], ids=["some", "one"]
)
def test_a_worker_that_is_cancelled_is_replaced(
    *,
    workers: dict[str, object],
    slurm: Any,
    catalogue: Path,
    reference: Products,
    holding: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    cluster = describe(tmp_path, "", **workers)
    holding.hold()
    with holding.when_held(slurm.cancel_one):
        assert process(catalogue, tmp_path / "out", cluster, "--plugin", str(holding.plugin)) == 0
    assert (tmp_path / "out" / "yields.csv").read_bytes() == reference["yields.csv"]


def test_a_node_that_is_drained_gives_no_workers_and_that_is_said(
    slurm: Any,
    catalogue: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    slurm.drain()
    assert process(catalogue, tmp_path / "out", describe(tmp_path, "", patience=8)) == 1
    assert re.search(
        r"^na64: scheduler tls://127.0.0.1:\d+ has no workers after 8 s", capsys.readouterr().err, re.M
    )
    slurm.wait_for_the_queue()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('python = "/nowhere/python"', r"\d+ ended \(FAILED, exit code 127\), see .*: .*/nowhere/python"),
        (
            'job_script_prologue = ["echo too few files >&2", "exit 3"]',
            r"\(FAILED, exit code 3\), see .*: too few files$",
        ),
        ('worker_extra_args = ["--no-such-option"]', r"\(FAILED, exit code 2\), see .*no-such-option"),
        (
            'log_directory = "logs"\njob_script_prologue = ["exit 0"]',
            r"\(COMPLETED, exit code 0\), see .*/logs/.*err$",
        ),
        (
            'account = "nobody"\njob_extra_directives = ["--partition=nowhere"]',
            r"the batch system takes no job: .*invalid partition",
        ),
    ],
    ids=["no python", "prologue", "worker", "silent", "refused"],
)
@pytest.mark.parametrize(
    "workers", [{}, {"minimum": None, "maximum": None, "workers": 2}], ids=["some", "two"]
)
def test_jobs_that_end_at_once_are_noticed_and_their_last_lines_said(
    *,
    more: str,
    said: str,
    workers: dict[str, object],
    slurm: Any,
    catalogue: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    before = time.monotonic()
    assert process(catalogue, tmp_path / "out", describe(tmp_path, more, **workers)) == 1
    (line,) = [one for one in capsys.readouterr().err.splitlines() if one.startswith("na64: ")]
    assert line.startswith("na64: cluster mine: ")
    assert re.search(said, line)
    assert time.monotonic() - before < 300  # of the 600 s that it would wait


def test_jobs_that_are_sent_anew_and_end_at_once_are_noticed_and_nothing_of_events_is_said(
    *,
    slurm: Any,
    catalogue: Path,
    holding: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    first = f"if test -e '{tmp_path}/first'; then echo no >&2; exit 3; fi; touch '{tmp_path}/first'"
    cluster = describe(tmp_path, f'job_script_prologue = ["{first}"]', minimum=None, maximum=None, workers=1)
    holding.hold()
    with holding.when_held(slurm.cancel_one):
        assert process(catalogue, tmp_path / "out", cluster, "--plugin", str(holding.plugin)) == 1
    (line,) = [one for one in capsys.readouterr().err.splitlines() if one.startswith("na64: ")]
    assert re.search(r"cluster mine: its job \d+ ended \(FAILED, exit code 3\), see .*slurm-\d+\.out$", line)
