"""The shower library: the data itself, picking and shifting."""

from __future__ import annotations

import re
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from na64.datasets.synthetic.library import PITCH, SAMPLES, load_library, read_arrays, shift_cells

README = (files("na64.datasets.synthetic") / "showers" / "README.md").read_text(encoding="utf-8")
ROW = re.compile(
    r"\| `(\w+)`[^|]*\| (\d+) \| (\S+) / (\S+) \| (\S+) / (\S+) \|",
)
TABLE = {row[0]: tuple(float(number) for number in row[1:]) for row in ROW.findall(README)}


def test_the_table_lists_every_file() -> None:
    folder = files("na64.datasets.synthetic") / "showers"
    names = {entry.name for entry in folder.iterdir() if entry.name.endswith(".npz")}
    assert names == {f"{name}.npz" for name in TABLE}
    assert set(SAMPLES) <= set(TABLE)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_file_holds_what_the_table_says(name: str) -> None:
    arrays = read_arrays(name)
    calorimeter = arrays["ecal_GeV"].sum(axis=(1, 2, 3), dtype=np.float64)
    modules = arrays["hcal_GeV"].sum(axis=(1, 2, 3), dtype=np.float64)
    found = (len(calorimeter), calorimeter.mean(), calorimeter.std(), modules.mean(), modules.std())
    assert found == pytest.approx(TABLE[name], abs=0.011)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_the_arrays_of_a_file_are_sound(name: str) -> None:
    arrays = read_arrays(name)
    n = len(arrays["pdg"])
    assert arrays["ecal_GeV"].shape == (n, 2, 6, 6)
    assert arrays["hcal_GeV"].shape == (n, 4, 3, 3)
    assert arrays["veto_MeV"].shape == (n, 3)
    for key in ("ecal_GeV", "hcal_GeV", "veto_MeV"):
        assert np.isfinite(arrays[key]).all()
        assert (arrays[key] >= 0).all()
    for key in ("x_mm", "y_mm"):
        assert arrays[key].min() >= 0
        assert arrays[key].max() <= PITCH + 0.01
    assert len(np.unique(arrays["E_GeV"])) == 1
    assert (arrays["ecal_GeV"].sum(axis=(1, 2, 3)) < 1.2 * arrays["E_GeV"][0] + 1).all()


def test_a_muon_leaves_two_and_a_half_gev_in_every_module() -> None:
    modules = np.median(load_library()["mum_100GeV"].modules.sum(axis=(2, 3)), axis=0)
    assert modules == pytest.approx([2.5] * 4, abs=0.05)


def test_library_events_have_one_numbering() -> None:
    next_first = 0
    for sample in load_library().values():
        assert sample.first == next_first
        next_first += len(sample)


def test_events_are_picked_near_the_beam() -> None:
    sample = load_library()["mum_100GeV"]
    picked = sample.pick(20_000, spot=4.0, centre=(8.0, -5.0), rng=np.random.default_rng(1))
    assert sample.x[picked].mean() == pytest.approx(8.0, abs=0.5)
    assert sample.y[picked].mean() == pytest.approx(-5.0, abs=0.5)
    assert sample.x[picked].std() == pytest.approx(4.0, abs=0.5)


@given(
    n_x=st.integers(1, 8),
    n_y=st.integers(1, 8),
    beam_cell=st.tuples(st.integers(0, 7), st.integers(0, 7)),
)
def test_shifted_cells_keep_their_distance_to_the_beam_cell(
    n_x: int, n_y: int, beam_cell: tuple[int, int]
) -> None:
    cells = np.arange(1.0, 145.0).reshape(2, 2, 6, 6)
    shifted = shift_cells(cells, n_x=n_x, n_y=n_y, beam_cell=beam_cell)
    for event, plane, x, y in np.ndindex(2, 2, n_x, n_y):
        old_x, old_y = x - beam_cell[0] + 3, y - beam_cell[1] + 3
        inside = 0 <= old_x < 6 and 0 <= old_y < 6
        assert shifted[event, plane, x, y] == (cells[event, plane, old_x, old_y] if inside else 0.0)
