"""Every small change of the code of the box is noticed."""

from __future__ import annotations

import inspect
import itertools
from dataclasses import fields
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from na64.datasets.conditions import periods as periods_module
from na64.datasets.conditions.conditions import RunType
from na64.datasets.instrument.features import INDEX
from na64.processors import job as job_module
from na64.processors.events import visible_events
from na64.processors.features import varied_features
from na64.selections import boxes, signal_box
from na64.tests.blinding.mutation import (
    ALWAYS_EQUIVALENT,
    BOX,
    BOX_FUNCTIONS,
    BOXES,
    BOXES_FUNCTIONS,
    EQUIVALENT,
    FEATURES,
    PERIOD_FUNCTIONS,
    RUN_FUNCTIONS,
    VARIED_FUNCTIONS,
    VISIBLE_FUNCTIONS,
    mutants,
    survivors_of,
    twin_hidden,
    twin_open,
)


def judge_box(module: ModuleType) -> None:
    """Compare with the twins."""
    random = np.random.default_rng(3)
    features = FEATURES.copy()
    n_events = features.shape[1]
    trigger = random.choice([0, 2, 4, 6], n_events)
    features[INDEX["trigger_physics"]] = random.choice([0, 1, np.nan], n_events)
    nonfinite = random.random(n_events) < 0.2
    unblinding = SimpleNamespace(opens=lambda run, spill: run == 7 and spill == 3)
    spills = random.choice([2, 3], n_events)
    for known_box in BOXES:
        box = module.SignalBox(**{one.name: getattr(known_box, one.name) for one in fields(known_box)})
        closed = twin_hidden(box, features)
        assert np.array_equal(module.hidden(box, features), closed)
        for run_type, words in itertools.product(RunType, (trigger, None)):
            opened = twin_open(run_type, words, features)
            assert np.array_equal(module.is_open(run_type, words, features), opened)
            known: dict[str, Any] = {
                "box": box,
                "run_type": run_type,
                "trigger": words,
                "nonfinite": nonfinite,
            }
            seen = module.visible_mask(features, **known, simulation=False)
            assert np.array_equal(seen, ~nonfinite & (opened | ~closed))
            everything = module.visible_mask(features, **known, simulation=True)
            assert everything.all()
            assert everything.dtype == bool
            others = [np.roll(features, shift, axis=1) for shift in (17, 300)]
            under_any = closed | twin_hidden(box, others[0]) | twin_hidden(box, others[1])
            seen = module.visible_mask(features, **known, simulation=False, varied=others)
            assert np.array_equal(seen, ~nonfinite & (opened | ~under_any))
            assert module.visible_mask(features, **known, simulation=True, varied=others).all()
            ecal, hcal = (features[INDEX[name]].astype(np.float64) for name in ("ecal", "hcal"))
            shown = (ecal >= box.ecal + box.ecal_guard) | (hcal >= box.hcal + box.hcal_guard)
            drawn = module.drawn_mask(box, features[INDEX["ecal"]], features[INDEX["hcal"]])
            assert np.array_equal(drawn, shown)
            inside = (ecal < box.ecal) & (hcal < box.hcal)
            assert np.array_equal(module.simulated_mask(features, box=box, simulation=True), inside)
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
    with pytest.raises(ValueError, match="counted by an opening only"):
        module.simulated_mask(features, box=box, simulation=False)
    none = {"run_type": RunType.PHYSICS, "trigger": None, "nonfinite": nonfinite[:0]}
    place = (7, spills[:0])
    assert module.opened_mask(features[:, :0], box=box, **none, place=place, unblinding=unblinding).size == 0
    many = np.tile(features, 40_000 // n_events + 1)
    assert np.array_equal(module.hidden(box, many), np.tile(closed, 40_000 // n_events + 1))
    for wrong in (FEATURES.astype(np.float64), FEATURES[:-1], FEATURES[0]):
        with pytest.raises(ValueError, match="features are"):
            module.hidden(BOX, wrong)


def test_what_is_called_equivalent_is_still_a_mutant() -> None:
    changes = {
        change
        for module, functions in (
            (signal_box, BOX_FUNCTIONS),
            (visible_events, VISIBLE_FUNCTIONS),
            (varied_features, VARIED_FUNCTIONS),
            (boxes, BOXES_FUNCTIONS),
            (job_module, RUN_FUNCTIONS),
            (periods_module, PERIOD_FUNCTIONS),
        )
        for change, _ in mutants(inspect.getsource(module), functions)
    }
    assert set(EQUIVALENT) <= changes
    assert all(any(known.fullmatch(change) for change in changes) for known in ALWAYS_EQUIVALENT)


def test_mutants_of_the_box() -> None:
    survivors, n_mutants = survivors_of("na64.selections.signal_box", BOX_FUNCTIONS, judge_box)
    assert n_mutants > 50
    assert not survivors, "\n".join(survivors)
