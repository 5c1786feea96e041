"""Boxes of periods: packaged, declared by a user, and never smaller than the packaged ones."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from na64.datasets.conditions.periods import Period, load_periods
from na64.datasets.instrument.features import INDEX
from na64.selections import boxes
from na64.selections.boxes import boxes_of, check_declared, default_box, load_boxes
from na64.selections.hidden import hidden
from na64.selections.signal_box import Rectangle, SignalBox
from na64.tests.selections.example_boxes import ECAL, HCAL, edges_of, stated_box

PERIODS = load_periods()


def period_with(name: str, *runs: tuple[int, int], **edges: float) -> Period:
    """A period of the user: a copy of 2023A with other runs and another box, or none."""
    return replace(PERIODS["2023A"], name=name, runs=runs, boxes=stated_box(**edges))


def box_of(period: Period) -> SignalBox:
    """The only box of a period."""
    (box,) = boxes_of(period)
    return box


def reach_of(box: SignalBox) -> tuple[float, float, float, float]:
    ecal, hcal, ecal_guard, hcal_guard = edges_of(box)
    return (ecal, hcal, ecal + ecal_guard, hcal + hcal_guard)


def test_the_boxes_are_the_agreed_ones() -> None:
    usual = (50, 1, 5, 0.5)
    known = {name: boxes for name, boxes in load_boxes().items() if not name.endswith(("V", "M", "H", "K"))}
    edges = {name: edges_of(box) for name, (box, *_) in known.items()}
    assert edges == {
        **dict.fromkeys(("default", "2016", "2018", "2021", "2022"), usual),
        "2022P": (46, 1, 5, 0.5),
        "2023A": (60, 1, 5, 0.5),
        "2023P": (28, 1, 5, 0.5),
    }
    searches = {name: [box.search for box in further] for name, (_, *further) in known.items()}
    assert searches == {name: ["alp"] if name in ("2016", "2018") else [] for name in edges}
    for name, (box, *_) in known.items():
        assert (box.name, box.version, box.search) == (name, 2, "invisible")
        ecal, hcal = box.bounds
        assert (ecal.features, hcal.features, ecal.scales, hcal.scales) == (ECAL, HCAL, (1.0,), (1.0,))
        assert (ecal.implied_by, hcal.implied_by) == ((), ("hcal_0",))
        assert ecal.needed
        assert hcal.needed
    assert "[R-med; 2308.15612]" in load_boxes()["2022P"][0].source
    assert "[R-lo; 2502.04053]" in load_boxes()["2023P"][0].source
    assert load_boxes()["2023A"][0].rectangle() == Rectangle(60, 1, 65, 1.5)
    assert default_box().source.count("NOT FOUND") == 2


@pytest.mark.parametrize("name", ["2016", "2018"])
def test_the_box_of_axion_like_particles_is_the_agreed_one(name: str) -> None:
    _, box = load_boxes()[name]
    assert [(one.features, one.low, one.high, one.guard) for one in box.bounds] == [
        (("ecal", "ecal_total"), -math.inf, 85.0, 5.0),
        (("hcal_0",), -math.inf, 1.0, 0.5),
        (("hcal_rear", "hcal_rear_total"), 15.0, math.inf, 2.0),
        (("hcal_rear_r",), -math.inf, 0.06, 0.01),
    ]
    assert [tag in one.source for one, tag in zip(box.bounds, ["[R-med]"] * 3 + ["[V: seed]"], strict=True)]
    assert PERIODS[name].setup.modules.centre_cells == ((4,), (4,), (4, 7), (4,))


@pytest.mark.parametrize("name", ["2023H", "2023K"])
def test_the_box_of_vanished_hadrons_is_the_agreed_one(name: str) -> None:
    (box,) = load_boxes()[name]
    assert (box.search, box.is_rectangle) == ("hadron", False)
    assert [(one.features, one.low, one.high, one.guard) for one in box.bounds] == [
        (ECAL, -math.inf, 5.0, 2.0),
        (HCAL, -math.inf, 1.0, 0.5),
        (("veto_largest",), -math.inf, 0.6, 0.3),
    ]
    assert all("NOT FOUND" in one.source for one in box.bounds)


@pytest.mark.parametrize(("name", "window"), [("2017V", (90, 110, 4)), ("2018V", (135, 165, 5))])
def test_the_box_of_electron_pairs_is_the_agreed_one(name: str, window: tuple[float, ...]) -> None:
    (box,) = load_boxes()[name]
    assert (box.search, box.is_rectangle) == ("visible", False)
    low, high, guard = window
    assert [(one.features[:2], one.low, one.high, one.guard) for one in box.bounds] == [
        (("s4_sum", "s4_total"), 0.3e-3, 0.8e-3, pytest.approx(0.03e-3)),
        (("wcal_with_ecal", "wcal_with_ecal_total"), low, high, guard),
        (("ecal_share", "ecal_total_share"), 0.25, math.inf, 0.03),
        (("v2_sum", "v2_total"), -math.inf, 1e-3, 0.5e-3),
        (("wcal_2", "wcal_2_total"), -math.inf, 0.9e-3, pytest.approx(0.3e-3)),
        (("veto_largest",), -math.inf, 0.6, 0.3),
        (HCAL[:2], -math.inf, 1.0, 0.5),
    ]
    assert all("[R-" in one.source or "NOT FOUND" in one.source for one in box.bounds)
    assert box.bounds[-1].implied_by == ("hcal_0",)


def test_the_box_of_muons_is_the_agreed_one() -> None:
    (box,) = load_boxes()["2022M"]
    assert (box.search, box.is_rectangle) == ("muon", False)
    assert [(one.features, one.low, one.high, one.guard) for one in box.bounds] == [
        (("p_out",), -math.inf, 80.0, 5.0),
        (("e_cal", "e_cal_total"), -math.inf, 12.0, 2.0),
    ]
    assert "[V: 2401.01708 (abs)]" in box.bounds[0].source
    assert "[R-med]" in box.bounds[1].source


def test_every_packaged_period_states_its_box() -> None:
    assert all(period.boxes for period in PERIODS.values())
    for period in PERIODS.values():
        check_declared(period)


@pytest.mark.parametrize(
    ("runs", "stated", "expected"),
    [
        # What a copy under another name states, less than what is packaged, and nothing at all.
        ([(8701, 8703)], {"ecal": 60, "hcal": 1}, (60, 1, 65, 1.5)),
        ([(8701, 8703)], {"ecal": 10, "hcal": 0.1}, (60, 1, 65, 1.5)),
        ([(8701, 8703)], {"ecal": 70, "hcal": 2, "ecal_guard": 0, "hcal_guard": 0}, (70, 2, 70, 2)),
        ([(8701, 8703)], {"ecal": 62, "hcal": 1.2, "ecal_guard": 0, "hcal_guard": 0}, (62, 1.2, 65, 1.5)),
        ([(8701, 8703)], {}, (60, 1, 65, 1.5)),
        # More in one energy, less in the other.
        ([(8701, 8703)], {"ecal": 80, "hcal": 0.5}, (80, 1, 85, 1.5)),
        # Runs of two packaged periods, and some that only one has.
        ([(8300, 8400)], {"ecal": 10, "hcal": 3}, (60, 3, 65, 3.5)),
        ([(8990, 9100)], {"ecal": 20, "hcal": 1}, (60, 1, 65, 1.5)),
        # Positrons of 100 and of 70 GeV in runs that the packaged periods of electrons have.
        ([(7000, 7100)], {"ecal": 46, "hcal": 1}, (50, 1, 55, 1.5)),
        ([(8900, 8910)], {"ecal": 28, "hcal": 1}, (60, 1, 65, 1.5)),
        # Runs of no packaged period: what the user declares.
        ([(9000, 9100)], {"ecal": 20, "hcal": 2}, (20, 2, 25, 2.5)),
        ([(9000, 9100)], {"ecal": 20, "hcal": 2, "ecal_guard": 1, "hcal_guard": 0}, (20, 2, 21, 2)),
    ],
)
def test_a_box_holds_those_of_the_packaged_periods_with_its_runs(
    runs: list[tuple[int, int]], stated: dict[str, float], expected: tuple[float, ...]
) -> None:
    box = box_of(period_with("mine", *runs, **stated))
    assert reach_of(box) == expected
    assert box.name == "mine"
    assert "my " in box.source or not stated


def test_the_source_of_an_enlarged_box_says_by_what() -> None:
    enlarged = box_of(period_with("mine", (8701, 8701), ecal=10, hcal=2))
    assert "enlarged to hold that of 2023A: ecal [V: 2503.11275 (abs)]" in enlarged.source
    assert "enlarged" not in box_of(period_with("mine", (8701, 8701), ecal=70, hcal=2)).source
    assert (box_of(PERIODS["2023A"]),) == load_boxes()["2023A"]


def test_what_is_in_a_packaged_region_is_in_the_enlarged_one() -> None:
    random = np.random.default_rng(3)
    features = np.zeros((len(INDEX), 2000), np.float32)
    for name, most in (*((name, 120) for name in ECAL), *((name, 3) for name in HCAL)):
        features[INDEX[name]] = random.uniform(0, most, features.shape[1])
    packaged = hidden(load_boxes()["2023A"], features)
    for stated in ({"ecal": 80, "hcal": 0.2}, {"ecal": 5, "hcal": 4}, {}):
        own = box_of(period_with("mine", (8701, 8703), **stated))
        assert (hidden([own], features) >= packaged).all()
    assert 100 < packaged.sum() < 1900


EDGES = st.floats(0.001, 500, allow_nan=False, width=64)
GUARDS = st.floats(0, 50, allow_nan=False, width=64)


@given(ecal=EDGES, hcal=EDGES, ecal_guard=GUARDS, hcal_guard=GUARDS)
def test_no_box_of_packaged_runs_is_smaller_than_the_packaged_one(**stated: float) -> None:
    edges = reach_of(box_of(period_with("mine", (8500, 8500), **stated)))
    own = (stated["ecal"], stated["hcal"])
    reached = tuple(edge + stated[f"{name}_guard"] for name, edge in zip(("ecal", "hcal"), own, strict=True))
    assert all(found >= least for found, least in zip(edges, (60, 1, 65, 1.5), strict=True))
    assert all(found >= least for found, least in zip(edges, (*own, *reached), strict=True))


@pytest.mark.parametrize(
    ("runs", "stated", "said"),
    [
        ([(8400, 8410)], {}, ""),
        ([(8300, 8410)], {}, ""),
        ([(9000, 9100)], {"ecal": 6, "hcal": 1}, ""),
        ([(9000, 9100)], {}, "runs 9000 to 9100"),
        ([(8990, 9010)], {}, "runs 9000 to 9010"),
        ([(8400, 8410), (3000, 3001)], {}, "runs 3000 to 3001"),
    ],
)
def test_data_of_a_period_that_says_nothing_of_a_box_are_refused(
    runs: list[tuple[int, int]], stated: dict[str, float], said: str
) -> None:
    period = period_with("mine", *runs, **stated)
    if not said:
        check_declared(period)
        return
    with pytest.raises(
        ValueError, match=rf"period mine: no signal box for {said}.*mine.toml needs .* \[box\]"
    ):
        check_declared(period)


@pytest.mark.parametrize(
    ("edge", "stated"), [("ecal, 0.06", {"ecal": 0.06}), ("hcal, 0.001", {"hcal": 0.001})]
)
def test_data_of_a_period_with_an_edge_in_the_wrong_unit_are_refused(
    edge: str, stated: dict[str, float]
) -> None:
    said = f"period mine: the edge of its signal box in {edge} GeV, is below its guard band"
    with pytest.raises(ValueError, match=said):
        check_declared(period_with("mine", (9000, 9100), **{"ecal": 60, "hcal": 1} | stated))
    check_declared(
        period_with("mine", (8701, 8703), **{"ecal": 60, "hcal": 1} | stated)
    )  # the packaged one holds


@pytest.mark.parametrize("edges", [{"ecal": 0.0}, {"hcal": -1.0}, {"ecal_guard": -1.0}])
def test_a_box_that_is_none_is_refused(edges: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="signal box mine"):
        box_of(period_with("mine", (9000, 9001), **{"ecal": 5.0, "hcal": 1.0} | edges))


def boxes_text() -> str:
    return Path(str(boxes._FILE)).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version = 2", "version = 1.5", "version: 1.5 is not an integer"),
        ("hcal_guard =", "hcal_gaurd =", '"hcal_guard" is missing'),
        ("scales = [1.0]", "scales = [1.0]\nscale = 1", 'unknown key "scale", nearest known is "scales"'),
        ("{ value = 50,", "{ values = [28, 30],", "default.ecal: 2 values for one edge"),
        ('"hcal_total"', '"hcal_totl"', 'unknown feature "hcal_totl", nearest known is "hcal_total"'),
        ('unit = "GeV"', 'unit = "ns"', "default.ecal.unit"),
        ('source = "[V: seed]"', 'source = " "', "default.ecal.source: is empty"),
        ("value = 5,", "value = -5,", "guard band of -5 GeV"),
    ],
)
def test_a_wrong_file_of_boxes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, message: str
) -> None:
    text = boxes_text().replace(old, new)
    assert text != boxes_text()
    path = tmp_path / "signal_boxes.toml"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(boxes, "_FILE", path)
    with pytest.raises((KeyError, ValueError)) as caught:
        load_boxes()
    assert message in caught.value.args[0]
