"""Simulated dimuons that pass the cuts of the real ones."""

from __future__ import annotations

import pytest

from na64.outputs.control.dimuon.likeness import Floats, simulate_dimuons


@pytest.fixture(scope="session")
def selected_dimuons() -> dict[str, Floats]:
    return simulate_dimuons(40_000, seed=2)
