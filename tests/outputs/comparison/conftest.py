"""A small campaign and results of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

SELECTIONS = Path(__file__).parents[3] / "selections"


@pytest.fixture(scope="session")
def campaign(simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("comparison"), "small", 8_000)


@pytest.fixture(scope="session")
def result(campaign: Path, process: Callable[..., Path]) -> Path:
    return process(campaign, "invisible_2023")


@pytest.fixture(scope="session")
def changed_selection(campaign: Path, process: Callable[..., Path], edited: Callable[..., Path]) -> Path:
    """Give a result with a tighter SRD cut and a looser one on the VHCAL."""
    srd, vhcal = ("below = 80, unit", "below = 20, unit"), ("{ below = 1.5", "{ below = 60")
    path = edited("selection", "invisible_2023", campaign.parent, srd, vhcal, to="mine")
    return process(campaign, str(path), name="mine")


@pytest.fixture(scope="session")
def other_files(simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give twice as many events of the same kind."""
    return simulate(tmp_path_factory.mktemp("others"), "small", 12_000, seed="99")


@pytest.fixture(scope="session")
def other_events(other_files: Path, process: Callable[..., Path]) -> Path:
    return process(other_files, "invisible_2023")


@pytest.fixture(scope="session")
def simulated(other_files: Path, process: Callable[..., Path]) -> Path:
    folder = other_files.parent / "simulation"
    folder.mkdir()
    (folder / "data").symlink_to(other_files)
    return process(folder / "data", "invisible_2023", catalogue=("--simulation",))
