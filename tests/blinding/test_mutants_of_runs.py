"""Every small change of the code that says which box holds for a run is noticed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from na64.datasets.basics.units import Quantity
from na64.datasets.conditions import periods as periods_module
from na64.datasets.conditions.conditions import RunFacts, RunType
from na64.datasets.conditions.periods import Period, load_periods
from na64.datasets.instrument.detector import Detectors
from na64.datasets.instrument.roles import CellOrder
from na64.processors import job as job_module
from na64.selections import boxes
from na64.selections.boxes import load_boxes
from na64.tests.blinding.mutation import (
    BOXES_FUNCTIONS,
    PERIOD_FUNCTIONS,
    RUN_FUNCTIONS,
    RUNS,
    other_period,
    survivors_of,
)


def user_period(*runs: tuple[int, int], **edges: float) -> Period:
    """A period of the user called ``mine``: a copy of 2023A with other runs and another box."""
    stated = {edge: Quantity((value,), "GeV", f"my {edge}") for edge, value in edges.items()}
    return replace(load_periods()["2023A"], name="mine", runs=runs, box=stated)


DECLARED = (
    (user_period((8701, 8703), ecal=10, hcal=2), (60, 2, 65, 2.5)),
    (user_period((8701, 8703), ecal=70, hcal=0.5, ecal_guard=0, hcal_guard=0), (70, 1, 70, 1.5)),
    (user_period((8300, 8400), ecal=10, hcal=0.5), (60, 1, 65, 1.5)),
    (user_period((8701, 8703)), (60, 1, 65, 1.5)),
    (user_period((9000, 9100), ecal=10, hcal=3, ecal_guard=2), (10, 3, 12, 3.5)),
    (user_period((9000, 9100)), (50, 1, 55, 1.5)),
    (user_period((8701, 8703), ecal=49.9, hcal=0.1, ecal_guard=15.2, hcal_guard=1.7), (60, 1, 65.1, 1.8)),
)
"""Periods, and where box and hidden region end."""


def judge_boxes(module: ModuleType) -> None:
    for period, expected in DECLARED:
        box = module.box_of(period)
        found = (box.ecal, box.hcal, box.rectangle().ecal_hidden, box.rectangle().hcal_hidden)
        assert found == pytest.approx(expected, rel=1e-15)
        assert all(edge >= least for edge, least in zip(found, expected, strict=True))
        assert box.name == "mine"
        assert box.version == 1
        enlarged = bool(period.box) and found[:2] != tuple(period.box[e].values[0] for e in ("ecal", "hcal"))
        assert (": ecal [V: 2503.11275" in box.source) == enlarged or period.runs[0][0] < 8396
        assert ("my ecal" in box.source) == ("; " in box.source and bool(period.box))
    assert module.box_of(load_periods()["2023A"]) == load_boxes()["2023A"]
    for edge, hidden_edge in ((0.1, 0.3), (49.9, 65.1), (2.1, 6.7), (5.9, 22.3), (10.9, 29.3)):
        guard = module._reaching(edge, hidden_edge)
        assert hidden_edge <= edge + guard <= np.nextafter(hidden_edge, np.inf)
    for runs, stated, refused in (
        ((8701, 8703), {}, False),
        ((9000, 9001), {"ecal": 1.0, "hcal": 1.0}, False),
        ((9000, 9001), {}, True),
    ):
        if refused:
            with pytest.raises(ValueError, match="mine: no signal box for runs 9000 to 9001"):
                module.check_declared(user_period(runs, **stated))
        else:
            module.check_declared(user_period(runs, **stated))
    with pytest.MonkeyPatch.context() as patch:
        text = Path(str(boxes._FILE)).read_text()
        wrong = Path(patch.__class__.__name__)
        patch.setattr(module, "_FILE", SimpleNamespace(name=str(wrong), read_bytes=(text + "x = 1\n").encode))
        with pytest.raises(KeyError, match="x"):
            module.default_box()


def judge_runs(module: ModuleType) -> None:
    packaged = load_periods()
    known = packaged["2023A"]
    facts = {RUNS[0]: RunFacts(RUNS[0], RunType.CALIBRATION)}
    same = module.contexts_of_runs(reversed(RUNS), packaged, facts)
    assert list(same) == list(RUNS)
    assert [(c.period, c.setup, c.packaged) for c in same.values()] == [("2023A", known.setup, None)] * 2
    assert [context.beam_energy for context in same.values()] == [100.0, 100.0]
    assert [context.type for context in same.values()] == [RunType.CALIBRATION, RunType.PHYSICS]
    assert {context.box for context in same.values()} == {load_boxes()["2023A"]}
    assert same[RUNS[0]].setups == (known.setup,)
    own = {"2023A": other_period(known)}
    for context in module.contexts_of_runs(RUNS, own).values():
        assert context.setups == (own["2023A"].setup, known.setup)
    assert module.contexts_of_runs(RUNS, own, simulation=True)[RUNS[0]].packaged is None
    counters = replace(known, setup=known.setup.with_detectors(replace(own["2023A"].setup.veto, mip=1.0)))
    assert module.contexts_of_runs(RUNS, {"2023A": counters})[RUNS[0]].packaged is None
    new = user_period((9000, 9001), ecal=5, hcal=1)
    assert module.contexts_of_runs([9000], {"mine": new})[9000].packaged is None
    both = {"mine": user_period((9000, 9001), ecal=5, hcal=1), "2023A": known}
    assert [c.box.ecal for c in module.contexts_of_runs([8999, 9000], both).values()] == [60, 5]
    with pytest.raises(ValueError, match="no signal box"):
        module.contexts_of_runs([9000], {"mine": user_period((9000, 9001))})
    module.contexts_of_runs([9000], {"mine": user_period((9000, 9001))}, simulation=True)
    with pytest.raises(ValueError, match=r"run 9999 is outside every period: 2023A covers 8396 to 8999$"):
        module.contexts_of_runs([9999], {"2023A": known})
    for name in ("ecal", "hcal"):
        detector = known.setup.detectors[name]
        other = replace(packaged["2016"].setup.ecal, name=name, role=detector.role)
        cells = known.setup.with_detectors(other)
        with pytest.raises(ValueError, match=rf"{name}.shape is \(2, 6, 6\), but .* in packaged"):
            module.contexts_of_runs(RUNS, {"2023A": replace(known, setup=cells)})
    fewer = Detectors(tuple(one for one in known.setup.detectors.values() if one.name != "hcal"))
    with pytest.raises(ValueError, match=r"has no \[hcal\], but run 8701 is one of packaged period 2023A"):
        module.contexts_of_runs(
            RUNS, {"2023A": replace(known, setup=replace(known.setup, detectors=fewer, hcal_modules=()))}
        )
    with pytest.MonkeyPatch.context() as patch:
        stated = {"2023A": replace(known, run_facts={run: RunFacts(run, RunType.PHYSICS) for run in RUNS})}
        patch.setattr(module, "packaged_periods", lambda: stated)
        with pytest.raises(ValueError, match="type is physics in one place and calibration in another"):
            module.contexts_of_runs(RUNS, packaged, facts)
    parts = replace(known.setup, physics_trigger_mask=1)
    assert module.hiding_identity(parts) != module.hiding_identity(known.setup)
    assert len(module.hiding_identity(parts)) == 64
    aside = known.setup.with_detectors(replace(known.setup.ecal, beam_cell=(1, 1)))
    turned = known.setup.with_detectors(replace(known.setup.ecal, cell_order=CellOrder.X_FASTEST))
    assert module.hiding_identity(turned) != module.hiding_identity(known.setup)
    for same_to_boxes in (counters.setup, aside):
        assert module.hiding_identity(same_to_boxes) == module.hiding_identity(known.setup)


def judge_periods(module: ModuleType) -> None:
    period = load_periods()["2023A"]
    known = {one.name: getattr(period, one.name) for one in fields(period)}

    def with_runs(*runs: tuple[int, int]) -> Any:
        return module.Period(**known | {"runs": runs})

    for one, other, shared in (
        (((1, 5),), ((5, 9),), True),
        (((5, 9),), ((1, 5),), True),
        (((1, 4),), ((5, 9),), False),
        (((5, 9),), ((1, 4),), False),
        (((1, 2), (7, 8)), ((3, 4), (8, 8)), True),
        (((1, 2), (7, 8)), ((3, 4), (9, 9)), False),
        ((), ((1, 2),), False),
    ):
        assert with_runs(*one).shares_runs_with(with_runs(*other)) is shared
    with pytest.MonkeyPatch.context() as patch:
        unordered = dict(reversed(load_periods().items()))
        patch.setattr(module, "packaged_periods", lambda: unordered)
        _judge_unpackaged(module, with_runs)
    _judge_unpackaged(module, with_runs)


def _judge_unpackaged(module: ModuleType, with_runs: Callable[..., Any]) -> None:
    for runs, left in (
        (((8396, 8999),), []),
        (((8396, 9000),), [(9000, 9000)]),
        (((2466, 3855),), [(2467, 3854)]),
        (((2467, 3854),), [(2467, 3854)]),
        (((1, 6500),), [(2467, 3854), (4224, 5020), (5187, 6499)]),
        (((9000, 9001), (3000, 3001)), [(9000, 9001), (3000, 3001)]),
    ):
        assert module.unpackaged_runs(with_runs(*runs)) == left


@pytest.mark.parametrize(
    ("module", "functions", "judge"),
    [
        (boxes, BOXES_FUNCTIONS, judge_boxes),
        (job_module, RUN_FUNCTIONS, judge_runs),
        (periods_module, PERIOD_FUNCTIONS, judge_periods),
    ],
    ids=["boxes", "runs", "periods"],
)
def test_mutants_of_what_holds_for_a_run(
    module: ModuleType, functions: tuple[str, ...], judge: Callable[[ModuleType], None]
) -> None:
    survivors, n_mutants = survivors_of(module.__name__, functions, judge)
    assert n_mutants > 15
    assert not survivors, "\n".join(survivors)
