"""Dask workers that are jobs of a real SLURM of one node."""

from __future__ import annotations

import re
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
