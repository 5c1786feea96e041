from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from na64.datasets.conditions.conditions import RunType
from na64.datasets.conditions.periods import load_periods
from na64.datasets.instrument.features import INDEX
from na64.selections import hidden as hidden_module
from na64.selections.boxes import default_box, load_boxes
from na64.selections.hidden import drawn_mask, hidden, is_open, visible_mask
from na64.selections.signal_box import SignalBox
from na64.tests.selections.example_boxes import (
    DECAY,
    ECAL,
    HCAL,
    TWO_SIDED,
    UNIONS,
    rectangle,
    twin_hidden,
    twin_inside,
)

F32 = np.float32
SUMS = (*ECAL, *HCAL)
INSIDE = {**dict.fromkeys(ECAL, 30.0), **dict.fromkeys(HCAL, 0.5)}
FAR = {**dict.fromkeys(ECAL, 99.0), **dict.fromkeys(HCAL, 20.0)}
DEFAULT = default_box()
RECTANGLES = [box for boxes in load_boxes().values() for box in boxes if box.is_rectangle]


def table(events: Iterable[dict[str, float]]) -> NDArray[np.float32]:
    """Features of some events; what is not said would hide nothing if it were looked at."""
    rows = list(events)
    features = np.full((len(INDEX), len(rows)), 1000.0, F32)
    for n, event in enumerate(rows):
        for name, value in event.items():
            features[INDEX[name], n] = value
    return features


def is_hidden(event: dict[str, float], box: SignalBox = DEFAULT) -> bool:
    return bool(hidden([box], table([event]))[0])


def twin(event: dict[str, float], boxes: Iterable[SignalBox]) -> bool:
    return bool(twin_hidden(boxes, table([event]))[0])


def below(value: float) -> float:
    return float(np.nextafter(F32(value), F32(-np.inf)))


def above(value: float) -> float:
    return float(np.nextafter(F32(value), F32(np.inf)))


def test_energy_in_hcal_module_0_is_in_every_hcal_sum() -> None:
    for period in load_periods().values():
        assert 0 in period.setup.chosen_modules
        assert period.setup.modules.pedestal >= 0


def test_each_part_of_a_box_is_in_its_identity() -> None:
    changes: list[dict[str, object]] = [
        {"high": 50.5},
        {"low": 1.0},
        {"guard": 6.0},
        {"features": ("ecal",)},
        {"scales": (1.0, 1.01)},
        {"needed": False},
        {"unit": "MIP"},
        {"implied_by": ("preshower",)},
    ]
    boxes = [
        replace(DEFAULT, name="x"),
        replace(DEFAULT, version=3),
        replace(DEFAULT, search="alp"),
        *(rectangle(DEFAULT, ecal=change) for change in changes),
        rectangle(DEFAULT, hcal={"high": 1.5}),
        rectangle(DEFAULT, hcal={"guard": 0.6}),
    ]
    assert len({DEFAULT.identity, *(box.identity for box in boxes)}) == len(boxes) + 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"low": 50.0}, "ecal: nothing is between 50 and 50 GeV"),
        ({"high": math.nan}, "nothing is between -inf and nan GeV"),
        ({"high": math.inf}, "ecal: has no edge"),
        ({"guard": -0.1}, "guard band of -0.1 GeV"),
        ({"guard": math.nan}, "guard band of nan GeV"),
        ({"guard": math.inf}, "guard band of inf GeV"),
        ({"features": ()}, "no feature to compare with"),
        ({"scales": ()}, "are not positive"),
        ({"scales": (1.0, 0.0)}, "are not positive"),
    ],
)
def test_a_bound_that_hides_too_little_cannot_be(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rectangle(DEFAULT, ecal=change)


def test_a_box_without_a_bound_cannot_be() -> None:
    with pytest.raises(ValueError, match="signal box default: has no bound"):
        replace(DEFAULT, bounds=())


def test_without_a_box_nothing_is_judged() -> None:
    with pytest.raises(ValueError, match="no signal box says what is to be hidden"):
        hidden([], table([FAR]))


def test_inside_is_hidden_and_far_away_is_not() -> None:
    assert is_hidden(INSIDE)
    assert not is_hidden(FAR)
    assert not is_hidden(INSIDE | dict.fromkeys(ECAL, 99.0))
    assert not is_hidden(INSIDE | dict.fromkeys(HCAL, 20.0))


@pytest.mark.parametrize("box", RECTANGLES, ids=lambda box: box.name)
def test_the_edge_itself_is_visible_and_the_next_number_below_hidden(box: SignalBox) -> None:
    edges = box.rectangle()
    for sums, edge in ((ECAL, edges.hidden_width), (HCAL, edges.hidden_height)):
        assert not is_hidden(INSIDE | dict.fromkeys(sums, edge), box)
        assert not is_hidden(INSIDE | dict.fromkeys(sums, above(edge)), box)
        assert is_hidden(INSIDE | dict.fromkeys(sums, below(edge)), box)


def test_the_guard_band_is_hidden_too() -> None:
    for sums, edge in ((ECAL, 50), (HCAL, 1)):
        assert is_hidden(INSIDE | dict.fromkeys(sums, edge))
        assert is_hidden(INSIDE | dict.fromkeys(sums, above(edge)))


@pytest.mark.parametrize("name", SUMS)
def test_one_definition_of_an_energy_that_is_inside_hides(name: str) -> None:
    other = HCAL if name in ECAL else ECAL
    mostly_outside = FAR | {sum_: INSIDE[sum_] for sum_ in other}
    assert not is_hidden(mostly_outside)
    assert is_hidden(mostly_outside | {name: INSIDE[name]})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", SUMS)
def test_a_number_that_is_not_finite_hides(name: str, value: float) -> None:
    assert is_hidden(FAR | {name: value})


@pytest.mark.parametrize("value", [-1e30, -1.0, -0.0, 0.0, 1e-45])
@pytest.mark.parametrize("name", SUMS)
def test_numbers_about_zero_and_large_negative_ones_are_inside(name: str, value: float) -> None:
    other = HCAL if name in ECAL else ECAL
    assert is_hidden(FAR | dict.fromkeys(other, -1e30) | {name: value})
    assert not is_hidden(FAR | {name: value})


@pytest.mark.parametrize("name", sorted(set(INDEX) - set(SUMS)))
def test_nothing_else_is_looked_at(name: str) -> None:
    assert not is_hidden(FAR | {name: math.nan})
    assert is_hidden(INSIDE | {name: 1e6})


@pytest.mark.parametrize(("scales", "edge"), [((1.0, 0.5), 110.0), ((2.0, 0.5, 1.0), 110.0), ((2.0,), 27.5)])
def test_the_lowest_energy_scale_decides(scales: tuple[float, ...], edge: float) -> None:
    box = rectangle(DEFAULT, scales=scales)
    assert is_hidden(INSIDE | dict.fromkeys(ECAL, below(edge)), box)
    assert not is_hidden(INSIDE | dict.fromkeys(ECAL, edge), box)


@pytest.mark.parametrize("scale", [0.97, 0.99, 1 / 3, 0.7, 1.1])
def test_an_edge_between_two_float32_is_rounded_outwards(scale: float) -> None:
    box = rectangle(DEFAULT, scales=(scale,))
    edge = F32(55 / scale)
    for value in (below(float(edge)), float(edge), above(float(edge))):
        assert is_hidden(INSIDE | dict.fromkeys(ECAL, value), box) == (value < 55 / scale)


energies = st.one_of(
    st.sampled_from(
        [math.nan, math.inf, -math.inf, -0.0, 1.0, 1.5, below(1.5), 50.0, 55.0, below(55), above(55), -1e30]
    ),
    st.floats(0, 70, width=32),
)
scalings = st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=1, max_size=3).map(tuple)


@given(
    events=st.lists(st.fixed_dictionaries(dict.fromkeys(SUMS, energies)), max_size=4),
    scales=scalings,
    box=st.sampled_from(RECTANGLES),
)
@example(events=[], scales=(1.0,), box=DEFAULT)
def test_hidden_is_what_a_loop_over_all_definitions_says(
    events: list[dict[str, float]], scales: tuple[float, ...], box: SignalBox
) -> None:
    box = rectangle(box, scales=scales)
    assert hidden([box], table(events)).tolist() == [twin(event, [box]) for event in events]


@given(n_events=st.integers(0, 12), block=st.integers(1, 5))
def test_the_block_size_does_not_matter(n_events: int, block: int) -> None:
    rng = np.random.default_rng(n_events)
    features = table([])[:, :0] if n_events == 0 else rng.uniform(-5, 70, (len(INDEX), n_events)).astype(F32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hidden_module, "_BLOCK", block)
        blocked = hidden([DEFAULT], features)
    assert blocked.tolist() == hidden([DEFAULT], features).tolist()


def test_hidden_does_not_change_its_input() -> None:
    features = table([INSIDE, FAR])
    features.flags.writeable = False
    assert hidden([DEFAULT], features).tolist() == [True, False]


@pytest.mark.parametrize(
    "features",
    [np.zeros((len(INDEX), 2)), np.zeros((len(INDEX) - 1, 2), F32), np.zeros(len(INDEX), F32)],
)
def test_a_table_that_is_not_of_features_is_refused(features: NDArray[np.float32]) -> None:
    with pytest.raises(ValueError, match="features are"):
        hidden([DEFAULT], features)


# Words: missing, LED, physics, both, LED, unknown; what the features say of the physics bit.
WORDS = np.array([0, 8, 4, 12, 8, 8])
PHYSICS = [0.0, 0.0, 1.0, 1.0, math.nan, 2.0]


def triggered(energies: dict[str, float]) -> NDArray[np.float32]:
    return table(energies | {"trigger_physics": physics} for physics in PHYSICS)


@pytest.mark.parametrize(
    ("run_type", "trigger", "opened"),
    [
        (RunType.CALIBRATION, WORDS, [True] * 6),
        (RunType.CALIBRATION, None, [True] * 6),
        (RunType.BEAM, WORDS, [True] * 6),
        (RunType.PHYSICS, WORDS, [False, True, False, False, False, False]),
        (RunType.PHYSICS, None, [False] * 6),
        (RunType.UNKNOWN, WORDS, [False] * 6),
        (RunType.UNKNOWN, None, [False] * 6),
    ],
)
def test_only_what_is_declared_is_open(
    run_type: RunType, trigger: NDArray[np.int64] | None, opened: list[bool]
) -> None:
    assert is_open(run_type, trigger, triggered(INSIDE)).tolist() == opened
    finite = np.zeros(6, bool)
    for energies, expected in ((INSIDE, opened), (FAR, [True] * 6)):
        mask = visible_mask(
            triggered(energies),
            boxes=[DEFAULT],
            run_type=run_type,
            trigger=trigger,
            nonfinite=finite,
            simulation=False,
        )
        assert mask.tolist() == expected


@pytest.mark.parametrize("run_type", RunType)
def test_every_run_type_is_thought_of(run_type: RunType) -> None:
    opened = is_open(run_type, np.array([4]), table([INSIDE | {"trigger_physics": 1}]))
    assert opened[0] == (run_type in (RunType.CALIBRATION, RunType.BEAM))


@pytest.mark.parametrize("run_type", RunType)
def test_data_that_are_not_finite_are_hidden_wherever_they_sit(run_type: RunType) -> None:
    features = table([FAR | {"trigger_physics": 0}] * 2)
    mask = visible_mask(
        features,
        boxes=[DEFAULT],
        run_type=run_type,
        trigger=np.array([8, 8]),
        nonfinite=np.array([True, False]),
        simulation=False,
    )
    assert mask.tolist() == [False, True]


def test_simulation_is_not_blind() -> None:
    mask = visible_mask(
        table([INSIDE, FAR]),
        boxes=[DEFAULT],
        run_type=RunType.PHYSICS,
        trigger=None,
        nonfinite=np.array([False, True]),
        simulation=True,
    )
    assert mask.tolist() == [True, True]


places = st.one_of(
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 0.5, 1.5, 13.0, 15.0, 20.0, 42.0, 45.0, 75.0, 78.0]),
    st.floats(-5, 100, width=32),
)
FEATURES = tuple(dict.fromkeys(name for box in UNIONS["all"] for name in box.features))


@pytest.mark.parametrize("boxes", UNIONS.values(), ids=UNIONS)
@given(
    events=st.lists(
        st.fixed_dictionaries(dict.fromkeys(FEATURES, places) | {"hcal_r": st.floats(0, 0.25, width=32)}),
        min_size=1,
        max_size=4,
    )
)
def test_a_union_of_boxes_hides_what_any_of_them_hides(
    boxes: tuple[SignalBox, ...], events: list[dict[str, float]]
) -> None:
    features = table(events)
    found = hidden(boxes, features)
    assert np.array_equal(found, twin_hidden(boxes, features))
    assert np.array_equal(found, np.any([hidden([box], features) for box in boxes], axis=0))
    assert not (drawn_mask(boxes, features, INDEX) & twin_inside(boxes, features)).any()
    assert (found | ~twin_inside(boxes, features)).all()  # no box without its events


@pytest.mark.parametrize(
    ("event", "is_in"),
    [
        ({"ecal": 60.0, "ecal_total": 60.0}, True),
        ({"ecal": 43.0, "ecal_total": 43.0}, True),  # guard band below
        ({"ecal": 42.0, "ecal_total": 42.0}, False),
        ({"ecal": 77.0, "ecal_total": 90.0}, True),  # guard band above
        ({"ecal": 78.0, "ecal_total": 78.0}, False),
        ({"ecal": 40.0, "ecal_total": 60.0}, True),
        ({"ecal": 40.0, "ecal_total": 90.0}, True),  # neither says on which side it is
        ({"ecal": 90.0, "ecal_total": math.inf}, True),
        ({"ecal": 90.0, "ecal_total": math.nan}, True),
    ],
)
def test_a_bound_with_two_edges_hides_what_is_not_provably_on_one_side(
    event: dict[str, float], is_in: bool
) -> None:
    assert is_hidden(INSIDE | {"hcal_012": 0.5} | event, TWO_SIDED) is is_in


def test_a_value_that_is_not_finite_hides_by_its_bound_alone_unless_it_is_needed() -> None:
    beyond = FAR | {"hcal_0": 9.0, "hcal_r": math.nan}
    assert not is_hidden(beyond, DECAY)
    needed = replace(DECAY, bounds=(*DECAY.bounds[:3], replace(DECAY.bounds[3], needed=True)))
    assert is_hidden(beyond, needed)
