"""Hits of a tracker and features of one's own say where the beam is; weighted events are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

import na64
from na64.datasets.synthetic.writers import list_type

pytestmark = pytest.mark.usefixtures("undrawn")

N_EVENTS = 500
PLANES = {"mm1_x": 0.0, "mm2_x": 1200.0, "mm3_x": 14_000.0, "mm4_x": 17_000.0}
MAGNET = 6000.0
TRACKER = '\n[[detector]]\nname = "{}"\nrole = "tracker"\n'
LAYOUT = '\n[detector.{}]\nkind = "positions"\nx = {{ branch = "{}", unit = "cm" }}\n'
PLANE = '\n[[plane]]\nname = "{}"\nside = "{}"\nz = {{ value = {}, unit = "mm", source = "a test" }}\n'
OWN = """
base = "beam_2023"
name = "own"
[[feature]]
name = "twice"
unit = "mm"
formula = "2 * mm1_x_first_hit"
"""


def _with_hits(path: Path) -> None:
    """Add hits of the stored track around x = -12 cm, with errors of 0.1 mm; a tenth of tracks has none."""
    random = np.random.default_rng(int(path.stem.split("_")[1]))
    with uproot.open(path) as file:
        tree = file["tout"].arrays(library="np")
    n = len(tree["runN"])
    counts = (random.random(n) < 0.9).astype(int)
    start = random.normal(-12.0, 0.8, n)
    angle = 0.299792458 * 7.0 / tree["mom_genfit_upMM"]
    hits = {
        name: ak.unflatten(
            (start + np.tan(angle) * max(z - MAGNET, 0) / 10 + random.normal(0, 0.01, n))[counts == 1], counts
        )
        for name, z in PLANES.items()
    }
    with uproot.recreate(path) as file:
        types = {name: np.dtype((one.dtype, one.shape[1:])) for name, one in tree.items()}
        file.mktree("tout", types | dict.fromkeys(hits, list_type("float64"))).extend(tree | hits)


@pytest.fixture(scope="module")
def result(
    tmp_path_factory: pytest.TempPathFactory,
    simulate: Callable[..., Path],
    process: Callable[..., Path],
    edited: Callable[..., Path],
) -> Path:
    tmp_path = tmp_path_factory.mktemp("hits")
    files = simulate(tmp_path, "beam", N_EVENTS)
    for path in files.glob("*.root"):
        _with_hits(path)
    period = edited("period", "2023A", tmp_path / "periods", to="2023A")
    period.write_text(period.read_text() + "".join(map(TRACKER.format, PLANES)))
    layout = edited("layout", "tout2023", tmp_path, to="mine")
    layout.write_text(layout.read_text() + "".join(LAYOUT.format(name, name) for name in PLANES))
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


def test_momentum_from_hits_is_that_of_the_track(result: Path, tmp_path: Path) -> None:
    packaged = (Path(na64.__file__).parent / "outputs/control/beam/beam.toml").read_text()
    planes = [PLANE.format(name, "before" if z < MAGNET else "after", z) for name, z in PLANES.items()]
    (tmp_path / "beam.toml").write_text(packaged + "".join(planes))
    (found,) = na64.beam(result, settings=tmp_path / "beam.toml").samples
    values = {name: quantity.measured for name, quantity in found.everything.items()}
    resolution = 0.1 * np.sqrt(2 / 1200**2 + 2 / 3000**2) / 20.99e-3
    assert values["hits_momentum"].n_events < 0.95 * values["momentum"].n_events
    assert abs(values["hits_less_track"].value) < 4 * values["hits_less_track"].above < 0.4
    assert abs(values["hits_less_track_width"].value / 100 - resolution) < 0.0008
    assert values["hits_momentum_resolution"].value > values["momentum_resolution"].value
    (tmp_path / "beam.toml").write_text(packaged + "".join(planes[1:]))
    with pytest.raises(ValueError, match=r"beam\.toml: plane: a line before the magnets needs two places z"):
        na64.beam(result, settings=tmp_path / "beam.toml")
    (tmp_path / "beam.toml").write_text(packaged + "".join(planes).replace("mm4_x", "mm5_x"))
    with pytest.raises(KeyError, match="plane mm5_x is no tracker"):
        na64.beam(result, settings=tmp_path / "beam.toml")


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
