"""Pages of calibration and monitoring: whole, in one file, and with every figure."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

import na64
from na64.datasets.synthetic.campaign_reader import load_campaign
from na64.datasets.synthetic.simulation import simulate

CALIBRATED = ("Ranges of runs", "Bad cells", "ECAL", "HCAL", "SRD", "VETO", "Shower of electrons", "Made of")
WATCHED = ("Outliers", "Beam triggers", "ECAL", "HCAL", "SRD", "VETO")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pages")
    simulate(load_campaign("cells"), to=place / "data", n_events=3000)
    na64.catalogue(place / "data", to=place / "data.json")
    return place


def pages(folder: Path, to: Path) -> list[str]:
    """Text of both pages, which are told of last."""
    told: list[str] = []
    na64.calibrate(
        folder / "data.json",
        to=to / "constants",
        ranges="8701-8702,8703-8705",
        name="<b>cells</b>",  # a name is text, whatever is in it
        executor="iterative",
        tell=told.append,
    )
    assert told[-1] == f"page: {to / 'constants' / 'calibration.html'}"
    na64.monitor(folder / "data.json", to=to / "watched", executor="iterative", tell=told.append)
    assert told[-1] == f"page: {to / 'watched' / 'monitoring.html'}"
    return [Path(line.removeprefix("page: ")).read_text() for line in told if line.startswith("page: ")]


def test_pages_have_every_part(
    folder: Path, tmp_path: Path, undrawing: Callable[[], AbstractContextManager[None]]
) -> None:
    with undrawing():
        found = pages(folder, tmp_path)
    for page, titles in zip(found, (CALIBRATED, WATCHED), strict=True):
        for title in titles:
            assert f">{title}</h2>" in page
        assert "http" not in page.partition("</style>")[2]  # nothing is loaded from elsewhere
    assert "Calibration &lt;b&gt;cells" in found[0]


@pytest.mark.soak
def test_pages_have_every_figure(folder: Path, tmp_path: Path) -> None:
    calibrated, watched = pages(folder, tmp_path)
    plots = {path.name for path in (tmp_path / "constants" / "plots").iterdir()}
    assert {"ecal_constants.png", "ecal_delays.png", "hcal_constants.png", "shower_8701.png"} <= plots
    assert calibrated.count("data:image/png;base64,") == len(plots)
    plots = {path.name for path in (tmp_path / "watched" / "plots").iterdir()}
    assert plots == {"beam.png", *(f"{name}_cells.png" for name in ("ecal", "hcal", "srd", "veto", "vhcal"))}
    assert watched.count("data:image/png;base64,") == len(plots)
