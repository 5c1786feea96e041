"""Opening the packaged box of axion-like particles leaves that for missing energy closed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from na64.outputs.limits.exposure import read_exposure
from na64.outputs.result.audit_log import entries
from na64.run import main

pytestmark = pytest.mark.usefixtures("undrawn")

EVENTS = 2500


def in_boxes(data: Path) -> tuple[int, int, int]:
    """Events with the physics trigger in the box of axion-like particles and in that for missing energy.

    Of the first those too that the second one hides: all their energy is in HCAL 2, which not every sum has.
    """
    counts = np.zeros(3, int)
    for path in sorted(data.glob("*.root")):
        with uproot.open(path) as file:
            tree = file["reco"].arrays(library="np")
        cells = [np.asarray(tree[f"HCAL{module}_ene"].tolist()) for module in range(3)]
        first, second, third = (np.where(module > 0.2, module, 0) for module in cells)
        ecal = np.asarray(tree["ECAL_ene"].tolist()).reshape(len(first), -1).sum(axis=1)
        rear = second.sum(axis=(1, 2)) + third.sum(axis=(1, 2))
        centre = second[:, 1, 1] + third[:, 1, 1] + third[:, 2, 1]
        physics, shield = tree["triggerSources"] & 4 != 0, first.sum(axis=(1, 2))
        outside = 1 - centre / np.where(rear > 0, rear, np.inf)
        alp = physics & (ecal < 85) & (shield < 1) & (rear > 15) & (outside < 0.06)
        shared = alp & (ecal < 55) & (shield + second.sum(axis=(1, 2)) < 1.5)
        missing = physics & (ecal < 50) & (shield + rear < 1)
        counts += [np.count_nonzero(mask) for mask in (alp, shared, missing)]
    n_alp, n_shared, n_missing = counts.tolist()
    return n_alp, n_shared, n_missing


def process(folder: Path, selection: str) -> dict[str, bytes]:
    line = [
        "process",
        str(folder / "catalogue.json"),
        "--selection",
        selection,
        "--to",
        str(folder / selection),
    ]
    assert main([*line, "--executor", "iterative", "--no-report", "--fresh"]) == 0
    return stored(folder, selection)


def stored(folder: Path, selection: str) -> dict[str, bytes]:
    names = ("cutflow.csv", "yields.csv", "regions.csv", "histograms.uhi.zip")
    return {name: (folder / selection / name).read_bytes() for name in names}


def open_box(folder: Path, selection: str, *options: str) -> tuple[str, Any]:
    """Freeze and open; the freeze, and what is opened."""
    result = str(folder / selection)
    assert main(["freeze", result, "--background", "0.2 +- 0.1", *options]) == 0
    details: Any = entries(folder / "audit.jsonl")[-1]["details"]
    line = ["unblind", result, "--freeze", details["freeze"], "--reason", "ready", "--executor", "iterative"]
    assert main([*line, "--approved-by", "Ada", "--approved-by", "Emmy"]) == 0
    return str(details["freeze"]), json.loads((folder / selection / "unblinded.json").read_text())


def state_of(folder: Path) -> str:
    """Whether a limit would count what is in the opened box."""
    return read_exposure(folder, any_box=True).state


def test_one_box_of_2018_is_opened_and_then_the_other(tmp_path: Path) -> None:
    data = tmp_path / "data"
    line = ["simulate", "alp_signal", "--to", str(data), "--layout", "array2018", "--events", str(EVENTS)]
    assert main(line) == 0
    assert main(["catalogue", str(data), "--to", str(tmp_path / "catalogue.json")]) == 0
    n_alp, n_shared, n_missing = in_boxes(data)
    assert n_alp > 20
    assert n_shared > 5
    assert n_missing > 20
    before = {name: process(tmp_path, name) for name in ("alp_2018", "invisible_2018")}

    freeze, opened = open_box(tmp_path, "alp_2018")
    assert opened["cutflow"][0]["passed"] == n_alp - n_shared
    assert 0 < opened["cutflow"][-1]["passed"] <= n_alp
    assert not (tmp_path / "invisible_2018" / "unblinded.json").exists()
    # What was blind is as it was, and a new pass hides as much: the opened events are in no blind product.
    assert {name: process(tmp_path, name) for name in before} == before

    assert "was opened while that of search invisible was closed" in state_of(tmp_path / "alp_2018")

    second, opened = open_box(tmp_path, "invisible_2018", "--after", freeze)
    assert opened["cutflow"][0]["passed"] == n_missing
    assert "UNBLINDED" in state_of(tmp_path / "invisible_2018")

    # Opened again, it has everything.
    _, opened = open_box(tmp_path, "alp_2018", "--after", second)
    assert opened["cutflow"][0]["passed"] == n_alp
    assert "UNBLINDED" in state_of(tmp_path / "alp_2018")
    assert {name: stored(tmp_path, name) for name in before} == before
