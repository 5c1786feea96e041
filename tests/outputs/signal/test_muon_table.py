"""The packaged table of muons that radiated a boson is what the cross-sections say."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest

from na64.outputs.signal.muon_table import LEVELS, MASSES, lines_of

TEXT = (files("na64.datasets.synthetic") / "muon_recoil.csv").read_text(encoding="utf-8")
ROWS = [line for line in TEXT.splitlines() if line[0].isdigit()]


@pytest.mark.parametrize("mass", [0.001, 0.1, 1.0])
def test_the_packaged_table_is_made_of_the_cross_sections(mass: float) -> None:
    assert len(ROWS) == len(MASSES) * len(LEVELS)
    packaged = [row for row in ROWS if float(row.split(",")[0]) == mass]
    made, known = (
        np.array([[float(word) for word in line.split(",")] for line in lines])
        for lines in (lines_of(mass), packaged)
    )
    np.testing.assert_allclose(made, known, rtol=1e-4)
