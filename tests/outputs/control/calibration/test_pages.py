"""Pages of calibration and monitoring: whole, in one file, and with every figure."""

from __future__ import annotations

from pathlib import Path

import pytest

import na64
from na64.datasets.synthetic.campaign_reader import load_campaign
from na64.datasets.synthetic.simulation import simulate


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pages")
    simulate(load_campaign("cells"), to=place / "data", n_events=4000)
    na64.catalogue(place / "data", to=place / "data.json")
    return place


def test_the_page_of_a_calibration_has_every_part(folder: Path) -> None:
    told: list[str] = []
    na64.calibrate(
        folder / "data.json",
        to=folder / "constants",
        ranges="8701-8702,8703-8705",
        name="<b>cells</b>",  # a name is text, whatever is in it
        executor="iterative",
        tell=told.append,
    )
    assert told[-1] == f"page: {folder / 'constants' / 'calibration.html'}"
    page = (folder / "constants" / "calibration.html").read_text()
    titles = ("Ranges of runs", "Bad cells", "ECAL", "HCAL", "SRD", "VETO", "Shower of electrons", "Made of")
    for title in titles:
        assert f">{title}</h2>" in page
    assert "Calibration &lt;b&gt;cells" in page
    plots = {path.name for path in (folder / "constants" / "plots").iterdir()}
    assert {"ecal_constants.png", "ecal_delays.png", "hcal_constants.png", "shower_8701.png"} <= plots
    assert page.count("data:image/png;base64,") == len(plots)
    assert "http" not in page.partition("</style>")[2]


def test_the_page_of_a_monitoring_has_every_part(folder: Path) -> None:
    told: list[str] = []
    na64.monitor(folder / "data.json", to=folder / "watched", executor="iterative", tell=told.append)
    assert told[-1] == f"page: {folder / 'watched' / 'monitoring.html'}"
    page = (folder / "watched" / "monitoring.html").read_text()
    for title in ("Outliers", "Beam triggers", "ECAL", "HCAL", "SRD", "VETO"):
        assert f">{title}</h2>" in page
    plots = {path.name for path in (folder / "watched" / "plots").iterdir()}
    assert plots == {"beam.png", *(f"{name}_cells.png" for name in ("ecal", "hcal", "srd", "veto", "vhcal"))}
    assert page.count("data:image/png;base64,") == len(plots)
