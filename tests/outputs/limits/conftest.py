"""The published analysis of 2016 to 2018 as inputs, and stored results of two runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from na64.outputs.limits.analysis import Assumption, LimitsAnalysis, analyse, search_of
from na64.outputs.limits.exposure import LimitInput, PeriodExposure
from na64.outputs.limits.inputs import ConstantEfficiency, background_of
from na64.outputs.result.store import write_numbers

MASSES = (0.00105, 0.01, 0.1, 0.4)


def _exposure_of(
    *periods: tuple[str, float, int | None], folder: str = "seed", digest: str = "0" * 64
) -> LimitInput:
    found = tuple(PeriodExposure(name, eot, (1,), observed) for name, eot, observed in periods)
    excluded = ((2, "no live electrons on target are stated"),)
    return LimitInput(
        Path(folder), "a test", "invisible", "c0ffee", found, excluded, "UNBLINDED under 1", digest
    )


@pytest.fixture(scope="session")
def exposure_of() -> Callable[..., LimitInput]:
    """Make an exposure of (period, electrons on target, events in the box) without a stored result."""
    return _exposure_of


@pytest.fixture(scope="session")
def published() -> LimitsAnalysis:
    """0.53 +- 0.17 events expected, none seen, 2.84e11 electrons on target, a flat efficiency of 0.5."""
    exposure = _exposure_of(("2016-2018", 2.84e11, 0))
    background = background_of("seed_2021", limits_at_face_value=True)
    search = search_of([exposure], [background], lambda *_: ConstantEfficiency(0.5), signal_error=0.0)
    stated = (Assumption("an assumption", "[R-med] recalled"),)
    return analyse(search, [exposure], [background], masses=MASSES, levels=(0.9,), assumptions=stated)


@pytest.fixture
def stored(case: Any, tmp_path: Path) -> Callable[..., Path]:
    """Write the result of two runs: 8700 with an exposure, 8701 without and not whole."""

    def write(name: str = "out", **changes: object) -> Path:
        facts = replace(case.facts, **changes)
        folder = tmp_path / name
        write_numbers(folder, facts=facts, tallies=case.tallies, booking=case.booking, made_by={})
        return folder

    return write
