"""Every small change of the code of the box is noticed."""

from __future__ import annotations

import inspect
import itertools
import math
from dataclasses import replace
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from na64.datasets.conditions import periods as periods_module
from na64.datasets.conditions.conditions import RunType
from na64.datasets.instrument.features import INDEX
from na64.processors import run_contexts
from na64.processors.events import visible_events
from na64.processors.features import varied_features
from na64.selections import boxes, hidden, signal_box
from na64.selections.interval import Interval
from na64.selections.regions import Region
from na64.selections.signal_box import SignalBox
from na64.tests.blinding.mutation import (
    ALWAYS_EQUIVALENT,
    BOX,
    BOX_FUNCTIONS,
    BOXES,
    BOXES_FUNCTIONS,
    EQUIVALENT,
    FEATURES,
    HIDDEN_FUNCTIONS,
    PERIOD_FUNCTIONS,
    RUN_FUNCTIONS,
    VARIED_FUNCTIONS,
    VISIBLE_FUNCTIONS,
    mutants,
    survivors_of,
    twin_open,
)
from na64.tests.selections.example_boxes import twin_drawn, twin_hidden, twin_inside

SHIFTS = (17, 300)
"""Of events under variations."""


@cache
def expected_of(union: tuple[SignalBox, ...]) -> tuple[Any, ...]:
    """Which of `FEATURES` are hidden, hidden under others too, drawn and inside, whatever the trigger is."""
    closed = twin_hidden(union, FEATURES)
    under_any = closed.copy()
    for shift in SHIFTS:
        under_any |= twin_hidden(union, np.roll(FEATURES, shift, axis=1))
    return closed, under_any, twin_drawn(union, FEATURES), twin_inside(union, FEATURES)


def judge_hidden(module: ModuleType) -> None:
    """Compare with the twins."""
    random = np.random.default_rng(3)
    features = FEATURES.copy()
    n_events = features.shape[1]
    trigger = random.choice([0, 2, 4, 6], n_events)
    features[INDEX["trigger_physics"]] = random.choice([0, 1, np.nan], n_events)
    nonfinite = random.random(n_events) < 0.2
    unblinding = SimpleNamespace(opens=lambda run, spill: run == 7 and spill == 3)
    spills = random.choice([2, 3], n_events)
    others = [np.roll(features, shift, axis=1) for shift in SHIFTS]
    for union in BOXES:
        closed, under_any, is_drawn, inside = expected_of(union)
        assert np.array_equal(module.hidden(union, features), closed)
        _judge_rows(module, union, features)
        for run_type, words in itertools.product(RunType, (trigger, None)):
            opened = twin_open(run_type, words, features)
            assert np.array_equal(module.is_open(run_type, words, features), opened)
            known: dict[str, Any] = {
                "boxes": union,
                "run_type": run_type,
                "trigger": words,
                "nonfinite": nonfinite,
            }
            seen = module.visible_mask(features, **known, simulation=False)
            assert np.array_equal(seen, ~nonfinite & (opened | ~closed))
            everything = module.visible_mask(features, **known, simulation=True)
            assert everything.all()
            assert everything.dtype == bool
            seen = module.visible_mask(features, **known, simulation=False, varied=others)
            assert np.array_equal(seen, ~nonfinite & (opened | ~under_any))
            assert module.visible_mask(features, **known, simulation=True, varied=others).all()
            drawn = module.drawn_mask(union, features, INDEX)
            assert drawn.dtype == bool
            assert np.array_equal(drawn, is_drawn)
            found = module.simulated_mask(features, boxes=union, simulation=True)
            assert np.array_equal(found, inside)
            expected = inside & closed & ~opened & ~nonfinite & (spills == 3)
            found = module.opened_mask(features, **known, place=(7, spills), unblinding=unblinding)
            assert np.array_equal(found, expected)
            assert not module.opened_mask(features, **known, place=(8, spills), unblinding=unblinding).any()
            for also in (closed, np.zeros(n_events, bool), np.ones(n_events, bool)):
                found = module.opened_mask(
                    features, **known, place=(7, spills), unblinding=unblinding, also_closed=also
                )
                hidden_by_any = closed & ~opened | also
                assert np.array_equal(found, inside & hidden_by_any & ~nonfinite & (spills == 3))
                found = module.opened_mask(
                    features, **known, place=(7, spills), unblinding=unblinding, kept_closed=also
                )
                assert np.array_equal(found, expected & ~also)
    with pytest.raises(ValueError, match="counted by an opening only"):
        module.simulated_mask(features, boxes=union, simulation=False)
    none: dict[str, Any] = {"run_type": RunType.PHYSICS, "trigger": None, "nonfinite": nonfinite[:0]}
    place = (7, spills[:0])
    assert (
        module.opened_mask(features[:, :0], boxes=union, **none, place=place, unblinding=unblinding).size == 0
    )
    many = np.tile(features, 40_000 // n_events + 1)
    assert np.array_equal(module.hidden(union, many), np.tile(closed, 40_000 // n_events + 1))
    with pytest.raises(ValueError, match="no signal box says what"):
        module.hidden([], features)
    for wrong in (FEATURES.astype(np.float64), FEATURES[:-1], FEATURES[0]):
        with pytest.raises(ValueError, match="features are"):
            module.hidden([BOX], wrong)


def _judge_rows(module: ModuleType, union: Any, features: Any) -> None:
    """Compare where features are in other rows, as those of a period may be, with where they usually are."""
    n_events = features.shape[1]
    turned, index = features[::-1], {name: len(INDEX) - 1 - row for name, row in INDEX.items()}
    closed, _, _, inside = expected_of(union)
    assert np.array_equal(module.hidden(union, turned, index), closed)
    known: dict[str, Any] = {"boxes": union, "index": index}
    assert np.array_equal(module.simulated_mask(turned, **known, simulation=True), inside)
    known |= {"run_type": RunType.UNKNOWN, "trigger": None, "nonfinite": np.zeros(n_events, bool)}
    seen = module.visible_mask(turned, **known, simulation=False, varied=[turned])
    assert np.array_equal(seen, ~closed)
    place = {"place": (7, np.full(n_events, 3)), "unblinding": SimpleNamespace(opens=lambda *_: True)}
    opened = module.opened_mask(turned, **known, **place)
    assert np.array_equal(opened, inside & closed)


def judge_boxes(module: ModuleType) -> None:
    """Compare with what a few boxes are known to be."""

    def bound(*features: str, **given: Any) -> Any:
        known = {"unit": "GeV", "low": -math.inf, "high": math.inf, "guard": 0.0} | given
        return module.Bound(features, **known)

    def box(*bounds: Any, search: str = "s") -> Any:
        return module.SignalBox("p", search, 1, bounds)

    ecal, hcal = (
        bound("ecal", high=60.0, guard=5.0),
        bound("hcal", high=1.0, guard=0.5, implied_by=("hcal_0",)),
    )
    both = box(ecal, hcal)
    assert (ecal.low_hidden, ecal.high_hidden) == (-math.inf, 65.0)
    above = bound("hcal_012", "hcal_012_total", low=15.0, guard=2.0, implied_by=("hcal_1",))
    assert above.low_hidden == 13.0
    assert both.is_rectangle
    assert both.rectangle() == module.Rectangle(60.0, 1.0, 65.0, 1.5)
    for other in (
        box(ecal),
        box(hcal, ecal),
        box(ecal, bound("hcal", low=1.0)),
        box(ecal, hcal, above),
        box(bound("ecal", low=2.0, high=60.0), hcal),
    ):
        assert not other.is_rectangle
        with pytest.raises(ValueError, match="not below two energies"):
            other.rectangle()
    two_sided = bound("ecal", low=45.0, high=75.0, guard=3.0)
    for one, feature, low, high, expected in (
        (ecal, "ecal", 60.0, math.inf, True),
        (ecal, "ecal", 59.0, math.inf, False),
        (ecal, "ecal", -math.inf, -100.0, False),
        (ecal, "ecal_total", 99.0, math.inf, False),
        (hcal, "hcal_0", 1.0, 2.0, True),
        (above, "hcal_012", -math.inf, 15.0, True),
        (above, "hcal_012", -math.inf, 15.5, False),
        (above, "hcal_1", -math.inf, 15.0, True),
        (above, "hcal_012_total", -math.inf, 1.0, False),
        (two_sided, "ecal", 75.0, 80.0, True),
        (two_sided, "ecal", 0.0, 45.0, True),
        (two_sided, "ecal", 50.0, 74.0, False),
    ):
        interval = Interval(feature, low, high)
        assert one.contradicts(interval) is expected
        region = Region("r", (Interval("veto_0", 0.0, 1.0), interval), "", "")
        assert len(list(module.not_outside([region], [box(one)]))) == (not expected)
    apart = Region("r", (Interval("ecal", 90.0, 95.0),), "", "")
    assert list(module.not_outside(iter([apart]), [both, box(above), both])) == [
        "r is not outside the signal box of period p, search s: it needs hcal_012 or hcal_1 up to 15 GeV"
    ]
    for change, covered in (
        ({}, True),
        ({"high": 61.0}, True),
        ({"high": 60.0, "guard": 4.9}, False),
        ({"high": 50.0, "guard": 15.0}, True),
        ({"low": 0.0}, False),
        ({"features": ("ecal", "ecal_total")}, True),
        ({"features": ("ecal_total",)}, False),
        ({"unit": "MIP"}, False),
        ({"scales": (1.0, 0.9)}, True),
        ({"scales": (1.1,)}, False),
    ):
        changed: Any = replace(ecal, **change)
        assert changed.covers(ecal) is covered
        assert box(changed, hcal).hides_all_of(both) is covered
    low = bound("ecal", low=40.0, guard=2.0)
    assert two_sided.covers(bound("ecal", low=45.0, high=75.0, guard=3.0))
    assert not replace(two_sided, low=46.0).covers(two_sided)
    assert low.covers(two_sided)
    assert box(ecal).hides_all_of(both)
    assert not both.hides_all_of(box(ecal))
    needed = replace(ecal, needed=True)
    assert box(needed, hcal).hides_all_of(both)
    assert not both.hides_all_of(box(needed, hcal))
    assert not box(ecal, replace(hcal, needed=True)).hides_all_of(box(needed, hcal))
    assert box(needed, hcal).hides_all_of(box(needed, hcal))
    own = box(ecal, search="alp")
    assert module.of_search([both, own, both], "alp") == (own,)
    assert module.of_search([own], "s") == ()


def test_what_is_called_equivalent_is_still_a_mutant() -> None:
    changes = {
        change
        for module, functions in (
            (hidden, HIDDEN_FUNCTIONS),
            (signal_box, BOX_FUNCTIONS),
            (visible_events, VISIBLE_FUNCTIONS),
            (varied_features, VARIED_FUNCTIONS),
            (boxes, BOXES_FUNCTIONS),
            (run_contexts, RUN_FUNCTIONS),
            (periods_module, PERIOD_FUNCTIONS),
        )
        for change, _ in mutants(inspect.getsource(module), functions)
    }
    assert set(EQUIVALENT) <= changes
    assert all(any(known.fullmatch(change) for change in changes) for known in ALWAYS_EQUIVALENT)


def test_mutants_of_what_is_hidden() -> None:
    survivors, n_mutants = survivors_of("na64.selections.hidden", HIDDEN_FUNCTIONS, judge_hidden)
    assert n_mutants > 80
    assert not survivors, "\n".join(survivors)


def test_mutants_of_the_box() -> None:
    survivors, n_mutants = survivors_of("na64.selections.signal_box", BOX_FUNCTIONS, judge_boxes)
    assert n_mutants > 40
    assert not survivors, "\n".join(survivors)
