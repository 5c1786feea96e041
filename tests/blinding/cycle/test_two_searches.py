"""The box of one search is opened while that of another, which shares events with it, stays closed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from na64.outputs.result.audit_log import entries
from na64.run import main
from na64.tests.blinding.conftest import BAND_BOX, PACKAGED_BOX
from na64.tests.blinding.cycle.conftest import SELECTION

pytestmark = pytest.mark.usefixtures("undrawn")

BOXES = BAND_BOX.replace("[75, 90]", "[50, 80]")
"""The band shares events with the box below 60 GeV, and with its guard band up to 65 GeV."""


def energies(data: Path) -> tuple[Any, Any]:
    """In-time energies in ECAL and HCAL of events with the physics trigger: no code of the package."""
    found = []
    for path in sorted(data.glob("*.root")):
        with uproot.open(path) as file:
            tree = {name: np.asarray(file["tout"][name].array(library="np")) for name in BRANCHES}
        n = len(tree["triggerSources"])
        hcal = np.where(tree["HCAL_ene"] > 0.2, tree["HCAL_ene"], 0)
        hcal = (hcal * (np.abs(tree["HCAL_t0"] - tree["HCAL_tE"]) < 16.5)).reshape(n, 36)[:, :18].sum(axis=1)
        in_time = np.abs(tree["ECAL_t0"] - tree["ECAL_tE"]) < 3 * tree["ECAL_tSigma"]
        ecal = (tree["ECAL_ene"] * in_time).reshape(n, -1).sum(axis=1)
        found.append(np.stack([ecal, hcal])[:, tree["triggerSources"] & 4 != 0])
    ecal, hcal = np.concatenate(found, axis=1)
    return ecal, hcal


BRANCHES = (
    *(f"{name}_{part}" for name in ("ECAL", "HCAL") for part in ("ene", "t0", "tE")),
    "ECAL_tSigma",
    "triggerSources",
)


class TwoSearches:
    """Results of two searches over the same data, beside one log."""

    def __init__(self, folder: Path, data: Path, periods: Path) -> None:
        self.folder, self.log = folder, folder / "audit.jsonl"
        self.catalogue = folder / "catalogue.json"
        assert main(["catalogue", str(data), "--to", str(self.catalogue), "--periods", str(periods)]) == 0
        for search in ("invisible", "alp"):
            text = SELECTION.replace('name = "mine"', f'name = "{search}"\nsearch = "{search}"', 1)
            (folder / f"{search}.toml").write_text(text)
            line = ["process", str(self.catalogue), "--selection", str(folder / f"{search}.toml")]
            assert main([*line, "--to", str(folder / search), "--executor", "iterative", "--no-report"]) == 0

    def freeze(self, search: str, *options: str) -> str:
        line = ["freeze", str(self.folder / search), "--deviations", "a second search", *options]
        assert main(line) == 0
        details: Any = entries(self.log)[-1]["details"]
        assert details["search"] == search
        return str(details["freeze"])

    def unblind(self, search: str, digest: str, *, code: int = 0) -> int:
        """Events in the opened box."""
        line = ["unblind", str(self.folder / search), "--freeze", digest, "--reason", "ready"]
        line += ["--approved-by", "Ada", "--approved-by", "Emmy", "--executor", "iterative"]
        assert main(line) == code
        path = self.folder / search / "unblinded.json"
        return int(json.loads(path.read_text())["cutflow"][0]["passed"]) if code == 0 else 0


@pytest.fixture
def searches(campaign: Path, tmp_path: Path, own_period: Callable[..., Path]) -> TwoSearches:
    periods = own_period(tmp_path / "periods", (PACKAGED_BOX, BOXES))
    return TwoSearches(tmp_path, campaign / "data", periods)


def test_an_opening_opens_what_no_other_closed_box_hides(
    searches: TwoSearches, campaign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ecal, hcal = energies(campaign / "data")
    band = (ecal > 50) & (ecal < 80) & (hcal < 1)
    free, shared = np.count_nonzero(band & (ecal >= 65)), np.count_nonzero(band & (ecal < 60))
    assert free > 20
    assert shared > 20
    stored = {s: (searches.folder / s / "cutflow.csv").read_bytes() for s in ("invisible", "alp")}
    assert stored["invisible"] == stored["alp"]

    first = searches.freeze("alp")
    manifest = json.loads((searches.folder / "alp" / "freeze.json").read_text())["frozen"]
    assert manifest["opened_before"] == []
    assert len(manifest["periods"]["2023A"]["box"]["opened"]) == 1
    assert len(manifest["periods"]["2023A"]["box"]["hidden"]) == 2
    assert searches.unblind("alp", first) == free
    capsys.readouterr()
    assert main(["audit", str(searches.folder / "alp")]) == 0
    assert "search alp" in capsys.readouterr().out

    # The box of alp is open now, and that of the invisible search is opened with what they share.
    second = searches.freeze("invisible", "--after", first)
    manifest = json.loads((searches.folder / "invisible" / "freeze.json").read_text())["frozen"]
    assert manifest["opened_before"] == ["alp"]
    assert searches.unblind("invisible", second) == np.count_nonzero((ecal < 60) & (hcal < 1))
    assert {s: (searches.folder / s / "cutflow.csv").read_bytes() for s in stored} == stored
    out = searches.folder / "events.csv"
    assert main(["events", str(searches.folder / "alp"), "--opened", "--to", str(out)]) == 0


def test_an_opening_in_between_is_not_passed_over(
    searches: TwoSearches, capsys: pytest.CaptureFixture[str]
) -> None:
    invisible, alp = searches.freeze("invisible"), searches.freeze("alp")
    assert searches.unblind("alp", alp) > 0
    capsys.readouterr()
    assert searches.unblind("invisible", invisible, code=1) == 0
    assert f"opened before under the freeze {alp}" in capsys.readouterr().err
