"""Every small change of the code that says which box holds for a run is noticed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from na64.datasets.calibration.constants import Quantity
from na64.datasets.conditions import periods as periods_module
from na64.datasets.conditions.conditions import RunFacts, RunType
from na64.datasets.conditions.periods import Period, load_periods
from na64.datasets.conditions.stated_boxes import StatedBound, StatedBox
from na64.datasets.instrument.detector import Detectors
from na64.datasets.instrument.roles import CellOrder
from na64.processors import run_contexts
from na64.selections import boxes
from na64.selections.boxes import load_boxes
from na64.selections.signal_box import SignalBox
from na64.tests.blinding.mutation import (
    BOXES_FUNCTIONS,
    PERIOD_FUNCTIONS,
    RUN_FUNCTIONS,
    RUNS,
    other_period,
    survivors_of,
)
from na64.tests.datasets.calibration.example_constants import calibration_of
from na64.tests.selections.example_boxes import ECAL, HCAL, bound, edges_of, stated_box


def user_period(*runs: tuple[int, int], **edges: float) -> Period:
    """A period of the user called ``mine``: a copy of 2023A with other runs and another box."""
    return replace(load_periods()["2023A"], name="mine", runs=runs, boxes=stated_box(**edges))


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
        (box,) = module.boxes_of(period)
        edges = box.rectangle()
        found = (edges.width, edges.height, edges.hidden_width, edges.hidden_height)
        assert found == pytest.approx(expected, rel=1e-15)
        assert all(edge >= least for edge, least in zip(found, expected, strict=True))
        assert (box.name, box.version, box.search) == ("mine", 2, "invisible")
        assert [(one.unit, one.low, one.needed) for one in box.bounds] == [("GeV", -math.inf, True)] * 2
        assert [one.features for one in box.bounds] == [ECAL, HCAL]
        assert [one.implied_by for one in box.bounds] == [(), ("hcal_0",)]
        own = [one.edges[edge].values[0] for one in period.boxes for edge in ("ecal", "hcal")]
        enlarged = bool(own) and list(found[:2]) != own
        assert (": ecal [V: 2503.11275" in box.source) == enlarged or period.runs[0][0] < 8396
        assert ("my ecal" in box.source) == bool(own)
    _judge_further_boxes(module)
    assert module.boxes_of(load_periods()["2023A"]) == load_boxes()["2023A"]
    for edge, hidden_edge in ((0.1, 0.3), (49.9, 65.1), (2.1, 6.7), (5.9, 22.3), (10.9, 29.3)):
        guard = module._reaching(edge, hidden_edge)
        assert hidden_edge <= edge + guard <= np.nextafter(hidden_edge, np.inf)
    for runs, stated, refused in (
        ((8701, 8703), {}, ""),
        ((9000, 9001), {"ecal": 5.0, "hcal": 0.5}, ""),
        ((9000, 9001), {"ecal": 4.9, "hcal": 0.5}, "edge of its signal box in ecal, 4.9 GeV, .* of 5 GeV"),
        ((9000, 9001), {"ecal": 5.0, "hcal": 0.4}, "edge of its signal box in hcal, 0.4 GeV, .* of 0.5 GeV"),
        ((9000, 9001), {}, "no signal box for runs 9000 to 9001, .* with ecal and hcal in GeV"),
    ):
        if refused:
            with pytest.raises(ValueError, match=f"mine: .*{refused}"):
                module.check_declared(user_period(runs, **stated))
        else:
            module.check_declared(user_period(runs, **stated))
    near = StatedBound(("hcal_r",), "1", -math.inf, 0.005, 0.01, (), "z")
    module.check_declared(replace(user_period((9000, 9001)), boxes=(StatedBox("x", {}, (near,)),)))
    with pytest.MonkeyPatch.context() as patch:
        text = Path(str(boxes._FILE)).read_text()
        wrong = Path(patch.__class__.__name__)
        patch.setattr(module, "_FILE", SimpleNamespace(name=str(wrong), read_bytes=(text + "x = 1\n").encode))
        with pytest.raises(KeyError, match="x"):
            module.default_box()


def _judge_further_boxes(module: ModuleType) -> None:
    """Boxes with bounds of their own stand beside the rectangle; rectangles of one search are one."""
    energy = StatedBound(("ecal", "ecal_total"), "GeV", 45.0, 75.0, 3.0, (), "between x; guard y")
    share = StatedBound(("hcal_r",), "1", -math.inf, 0.06, 0.01, ("hcal_muon",), "below z; guard u")
    band = StatedBox("band", {}, (energy, share))
    fewer = (
        replace(energy, features=("ecal",), low=-math.inf),
        replace(energy, features=("hcal",), low=-math.inf),
    )
    below = StatedBox("invisible", {}, (fewer[0], replace(fewer[1], high=2.0, implied_by=("hcal_1",))))
    alp = StatedBox("alp", stated_box(ecal=10, hcal=3)[0].edges)
    known = replace(user_period((8701, 8703)), boxes=(band, band, below, alp))
    with pytest.MonkeyPatch.context() as patch:
        scaled = Path(str(boxes._FILE)).read_text().replace("scales = [1.0]", "scales = [1.0, 0.9]")
        patch.setattr(module, "_FILE", SimpleNamespace(name="scaled.toml", read_bytes=scaled.encode))
        rectangle, own, last = module.boxes_of(known)
    assert [(box.name, box.search) for box in (rectangle, own, last)] == [
        ("mine", "invisible"),
        ("mine", "alp"),
        ("mine", "band"),
    ]
    ecal, hcal = rectangle.bounds
    assert (ecal.high, ecal.high_hidden, hcal.high, hcal.high_hidden) == (75.0, 78.0, 2.0, 5.0)
    assert ({*ecal.features}, {*hcal.features}) == ({*ECAL}, {*HCAL})
    assert (ecal.needed, hcal.needed, hcal.implied_by) == (True, True, ())
    assert ecal.scales == (1.0, 0.9)
    assert own.rectangle().width == 10
    assert [one.scales for one in own.bounds] == [(1.0, 0.9)] * 2
    assert [(one.features, one.low, one.high, one.guard, one.unit, one.scales) for one in last.bounds] == [
        (("ecal", "ecal_total"), 45.0, 75.0, 3.0, "GeV", (1.0, 0.9)),
        (("hcal_r",), -math.inf, 0.06, 0.01, "1", (1.0,)),
    ]
    assert [(one.needed, one.implied_by) for one in last.bounds] == [(False, ()), (False, ("hcal_muon",))]
    assert last.source == "ecal between x; guard y; hcal_r below z; guard u"
    module.check_search("alp", "mine", (rectangle, own))
    with pytest.raises(
        ValueError, match=r"^period mine has no signal box of search x, only of invisible, alp$"
    ):
        module.check_search("x", "mine", (rectangle, own, rectangle))
    wrong = replace(user_period((9000, 9001)), boxes=(StatedBox("x", {}, (replace(energy, guard=-1.0),)),))
    with pytest.raises(ValueError, match=r"^signal box mine: ecal: guard band of -1 GeV$"):
        module.boxes_of(wrong)
    with pytest.raises(ValueError, match=r"^signal box mine: edge at 0 GeV$"):
        module.boxes_of(user_period((9000, 9001), ecal=0, hcal=1))


BOXES = load_boxes()["2023A"]


def judge_runs(module: ModuleType) -> None:
    packaged = load_periods()
    known = packaged["2023A"]
    facts = {RUNS[0]: RunFacts(RUNS[0], RunType.CALIBRATION)}
    same = module.contexts_of_runs(reversed(RUNS), packaged, facts)
    assert list(same) == list(RUNS)
    assert [(c.period, c.setup, c.packaged) for c in same.values()] == [("2023A", known.setup, None)] * 2
    assert [context.beam_energy for context in same.values()] == [100.0, 100.0]
    assert [context.type for context in same.values()] == [RunType.CALIBRATION, RunType.PHYSICS]
    assert {context.boxes for context in same.values()} == {load_boxes()["2023A"]}
    assert same[RUNS[0]].setups == (known.setup,)
    own = {"2023A": other_period(known)}
    for context in module.contexts_of_runs(RUNS, own).values():
        assert context.setups == (own["2023A"].setup, known.setup)
    assert module.contexts_of_runs(RUNS, own, simulation=True)[RUNS[0]].packaged is None
    judge_calibrated(module, known, own)
    counters = replace(known, setup=known.setup.with_detectors(replace(own["2023A"].setup.paddles, mip=1.0)))
    assert module.contexts_of_runs(RUNS, {"2023A": counters})[RUNS[0]].packaged is None
    new = user_period((9000, 9001), ecal=5, hcal=1)
    assert module.contexts_of_runs([9000], {"mine": new})[9000].packaged is None
    both = {"mine": user_period((9000, 9001), ecal=5, hcal=1), "2023A": known}
    assert [edges_of(c.boxes[0])[0] for c in module.contexts_of_runs([8999, 9000], both).values()] == [60, 5]
    with pytest.raises(ValueError, match="no signal box"):
        module.contexts_of_runs([9000], {"mine": user_period((9000, 9001))})
    module.contexts_of_runs([9000], {"mine": user_period((9000, 9001))}, simulation=True)
    with pytest.raises(ValueError, match=r"run 9999 is outside every period: 2023A covers 8396 to 8999$"):
        module.contexts_of_runs([9999], {"2023A": known})
    for name in ("ecal", "hcal"):
        detector = known.setup.detectors[name]
        other = replace(packaged["2016"].setup.calorimeter, name=name, role=detector.role)
        cells = known.setup.with_detectors(other)
        with pytest.raises(ValueError, match=rf"{name}.shape is \(2, 6, 6\), but .* in packaged"):
            module.contexts_of_runs(RUNS, {"2023A": replace(known, setup=cells)})
    fewer = Detectors(tuple(one for one in known.setup.detectors.values() if one.name != "hcal"))
    with pytest.raises(ValueError, match=r"has no \[hcal\], but run 8701 is one of packaged period 2023A"):
        module.contexts_of_runs(
            RUNS, {"2023A": replace(known, setup=replace(known.setup, detectors=fewer, chosen_modules=()))}
        )
    with pytest.MonkeyPatch.context() as patch:
        stated = {"2023A": replace(known, run_facts={run: RunFacts(run, RunType.PHYSICS) for run in RUNS})}
        patch.setattr(module, "packaged_periods", lambda: stated)
        with pytest.raises(ValueError, match="type is physics in one place and calibration in another"):
            module.contexts_of_runs(RUNS, packaged, facts)
    parts = replace(known.setup, physics_trigger_mask=1)
    assert module.hiding_identity(parts, BOXES) != module.hiding_identity(known.setup, BOXES)
    by_veto = (*BOXES, SignalBox("p", "s", 1, (bound("veto_0", high=1.0),)))
    assert module.hiding_identity(counters.setup, by_veto) != module.hiding_identity(known.setup, by_veto)
    assert len(module.hiding_identity(known.setup, by_veto)) == 64
    assert len(module.hiding_identity(parts, BOXES)) == 64
    aside = known.setup.with_detectors(replace(known.setup.calorimeter, beam_cell=(1, 1)))
    turned = known.setup.with_detectors(replace(known.setup.calorimeter, cell_order=CellOrder.X_FASTEST))
    assert module.hiding_identity(turned, BOXES) != module.hiding_identity(known.setup, BOXES)
    for same_to_boxes in (counters.setup, aside):
        assert module.hiding_identity(same_to_boxes, BOXES) == module.hiding_identity(known.setup, BOXES)


def judge_calibrated(module: ModuleType, known: Period, own: dict[str, Period]) -> None:
    """With a calibration the period's own set-up hides too, and the packaged one as before."""
    for name in ("ecal", "hcal"):
        for quantity in (Quantity.SCALE, Quantity.DELAY, Quantity.SIGMA, Quantity.BASELINE):
            changed = calibration_of({(name, quantity): {4: 1.5}}, RUNS)
            for context in module.contexts_of_runs(RUNS, {"2023A": known}, calibration=changed).values():
                assert context.setups == (changed.setup_of(RUNS[0], "2023A", known.setup), known.setup)
                assert (context.packaged, context.uncalibrated) == (None, known.setup)
                hidden = {module.hiding_identity(setup, BOXES) for setup in context.setups}
                assert len(hidden) == 2
            (context, _) = module.contexts_of_runs(RUNS, own, calibration=changed).values()
            assert context.setups[1:] == (known.setup, own["2023A"].setup)
    assert module.contexts_of_runs(RUNS, {"2023A": known})[RUNS[0]].uncalibrated is None
    with pytest.raises(ValueError, match=r"^run 8704 has no calibration: example covers runs 8701$"):
        module.contexts_of_runs(RUNS, {"2023A": known}, calibration=calibration_of({}, (RUNS[0], RUNS[0])))
    six = replace(
        known.setup.calorimeter, timing=replace(known.setup.calorimeter.timing, expected=(1.0,) * 60)
    )
    renamed = {"2023A": replace(known, name="other", setup=known.setup.with_detectors(six))}
    with pytest.raises(
        ValueError, match=r"^calibration example, runs 8701-8704: period other: ecal is not what"
    ):
        module.contexts_of_runs(RUNS, renamed, calibration=calibration_of({}, RUNS), simulation=True)


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
        (((2466, 3855),), [(2467, 3465), (3561, 3854)]),
        (((2467, 3854),), [(2467, 3465), (3561, 3854)]),
        (((3561, 3854),), [(3561, 3854)]),
        (((1, 6500),), [(2467, 3465), (3561, 3854), (4310, 5020), (5187, 6499)]),
        (((9000, 9001), (3000, 3001)), [(9000, 9001), (3000, 3001)]),
    ):
        assert module.unpackaged_runs(with_runs(*runs)) == left


@pytest.mark.parametrize(
    ("module", "functions", "judge"),
    [
        (boxes, BOXES_FUNCTIONS, judge_boxes),
        (run_contexts, RUN_FUNCTIONS, judge_runs),
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
