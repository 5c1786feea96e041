"""Hits of a tracker and features of one's own say where the beam is; weighted events are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

import na64

pytestmark = pytest.mark.usefixtures("undrawn")

N_EVENTS = 500
TRACKER = '\n[[detector]]\nname = "mm1_x"\nrole = "tracker"\n'
LAYOUT = '\n[detector.mm1_x]\nkind = "positions"\nx = { branch = "MM1X", unit = "cm" }\n'
OWN = """
base = "beam_2023"
name = "own"
[[feature]]
name = "twice"
unit = "mm"
formula = "2 * mm1_x_first_hit"
"""


def _with_hits(path: Path) -> None:
    """Add a branch of hits, in the tenth part of the events none, around -12 cm."""
    random = np.random.default_rng(int(path.stem.split("_")[1]))
    with uproot.open(path) as file:
        tree = file["tout"].arrays(library="np")
    n = len(tree["runN"])
    counts = (random.random(n) < 0.9).astype(int)
    hits = ak.unflatten(random.normal(-12.0, 0.8, counts.sum()), counts)
    with uproot.recreate(path) as file:
        types = {name: np.dtype((one.dtype, one.shape[1:])) for name, one in tree.items()}
        file.mktree("tout", {**types, "MM1X": "var * float64"}).extend({**tree, "MM1X": hits})


@pytest.fixture
def result(
    tmp_path: Path, simulate: Callable[..., Path], process: Callable[..., Path], edited: Callable[..., Path]
) -> Path:
    files = simulate(tmp_path, "beam", N_EVENTS)
    for path in files.glob("*.root"):
        _with_hits(path)
    period = edited("period", "2023A", tmp_path / "periods", to="2023A")
    period.write_text(period.read_text() + TRACKER)
    layout = edited("layout", "tout2023", tmp_path, to="mine")
    layout.write_text(layout.read_text() + LAYOUT)
    (tmp_path / "own.toml").write_text(OWN)
    claim = ("--layout", str(layout), "--periods", str(tmp_path / "periods"))
    return process(files, str(tmp_path / "own.toml"), "--runs", "8741-8744", catalogue=claim)


def test_the_beam_spot_is_that_of_the_hits(result: Path) -> None:
    (found,) = na64.beam(result).samples
    mean, width = (found.everything[f"mm1_x_first_hit_{what}"].measured for what in ("mean", "width"))
    assert abs(mean.value + 120) < 4 * mean.above < 8
    assert abs(width.value - 8) < 4 * width.above < 8
    (own,) = na64.beam(result, positions=["twice"]).samples
    assert own.everything["twice_mean"].measured.value == pytest.approx(2 * mean.value, abs=1)
    assert "mm1_x_first_hit_mean" not in own.everything


def test_weighted_events_are_refused(
    tmp_path: Path, edited: Callable[..., Path], process: Callable[..., Path]
) -> None:
    packaged = Path(na64.__file__).parent / "datasets/synthetic/campaigns/beam.toml"
    text = packaged.read_text().replace('kind = "hadron"\n', 'kind = "hadron"\nbias = 20\n')
    (tmp_path / "weighted.toml").write_text(text)
    na64.simulate(tmp_path / "weighted.toml", to=tmp_path / "data", events=300)
    out = process(tmp_path / "data", "beam_2023", catalogue=("--simulation",))
    with pytest.raises(ValueError, match=r"events with weights from 0\.05 to 1: na64 beam counts"):
        na64.beam(out)
