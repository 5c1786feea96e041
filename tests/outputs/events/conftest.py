"""A small campaign, processed as data and as simulation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

N_EVENTS = 1_200


@pytest.fixture(scope="session")
def data(simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("events"), "small", N_EVENTS)


@pytest.fixture(scope="session")
def result(data: Path, process: Callable[..., Path]) -> Path:
    return process(data, "invisible_2023")


@pytest.fixture(scope="session")
def simulated(data: Path, process: Callable[..., Path]) -> Path:
    folder = data.parent / "copy"
    folder.mkdir()
    (folder / "data").symlink_to(data)
    return process(folder / "data", "dimuon_2023", catalogue=("--simulation",))
