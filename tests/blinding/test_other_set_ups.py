"""Attacks by what a user may change: as much is hidden, or it is refused, or the log names it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from na64.datasets.conditions.bad_spills import BadList
from na64.datasets.conditions.conditions import RunFacts, RunType
from na64.datasets.conditions.periods import Period, load_periods
from na64.datasets.conditions.stated_boxes import StatedBound, StatedBox
from na64.datasets.instrument.columns import EventColumns
from na64.datasets.instrument.detector import Setup
from na64.datasets.reading.layout import load_layout
from na64.datasets.reading.read import read
from na64.processors.events.visible_events import features_of, hidden_by, visible_events
from na64.processors.features.feature_table import Skip
from na64.processors.job import FileContext, Job
from na64.processors.run_contexts import contexts_of_runs
from na64.processors.unblinded_counts import Opening, opened_events
from na64.selections.hidden import hidden, simulated_mask
from na64.selections.selection import load_selection
from na64.selections.signal_box import Unblinding
from na64.tests.selections.example_boxes import edges_of, stated_box

RUN = 8701
SELECTION = load_selection("dimuon_2022")
LAYOUTS = {"hits": load_layout("hits")}

Change = tuple[str, str]
SOURCE = '\nsource = "[inferred]'
HEAD = f"first = 8396\nlast = 8999{SOURCE}"
PART = f"first = 8700\nlast = 8710{SOURCE}"
REST = f"first = 8396\nlast = 8699{SOURCE}"
NEW = f"first = 9000\nlast = 9999{SOURCE}"
ECAL_CELLS, HCAL_CELLS = "shape = { values = [2, 5, 6]", "shape = { values = [4, 3, 3]"
EDGE = 'ecal = { value = 60, unit = "GeV"'
BOX = """\
[box]  # nobody looks at data below both energies, or in the guard band around them
ecal = { value = 60, unit = "GeV", source = "[V: 2503.11275 (abs)] missing energy > 40 GeV; [D] 100 - 40" }
hcal = { value = 1, unit = "GeV", source = "[R-hi]" }
"""
NO_GUARD = 'ecal_guard = { value = 0, unit = "GeV", source = "x" }\n'
PEDESTAL = 'pedestal = { value = 0.2, unit = "GeV"'
MODULES = "\nmodules = { values = [0, 1]"
MASK = "physics_mask = { value = 4"
WIDTH = 'half_width = { value = 16.5, unit = "ns"'
SIGMAS = "n_sigma = { value = 3"
SCALE = "scale = { value = 1,"

HIDES_AS_MUCH: dict[str, list[Change]] = {
    "another trigger mask": [(MASK, "physics_mask = { value = 8")],
    "no trigger mask": [(MASK, "physics_mask = { value = 0")],
    "larger energies": [(SCALE, "scale = { value = 3,")],
    "slightly larger energies": [(SCALE, "scale = { value = 1.05,")],
    "no energies": [(SCALE, "scale = { value = 0,")],
    "wider windows": [
        (SIGMAS, "n_sigma = { value = 3000"),
        (WIDTH, 'half_width = { value = 1, unit = "us"'),
    ],
    "narrower windows": [(SIGMAS, "n_sigma = { value = 0.01")],
    "a lower pedestal": [(PEDESTAL, 'pedestal = { value = -1, unit = "TeV"')],
    "a higher pedestal": [(PEDESTAL, 'pedestal = { value = 1, unit = "TeV"')],
    "other modules": [(MODULES, "\nmodules = { values = [0, 1, 2, 3]")],
    "a smaller box": [(EDGE, EDGE.replace("60", "1"))],
    "no guard band": [(EDGE, NO_GUARD + EDGE)],
    "no box": [(BOX, "")],
    "runs in part": [(HEAD, PART)],
    "other counters": [("mip = { value = 10.7", "mip = { value = 107")],
}


@pytest.fixture(scope="module")
def events(worlds: Any) -> EventColumns:
    """Events of one run, among them many of the box, with trigger words of several kinds."""
    found = read(worlds("hits")[0].files()[0], LAYOUTS["hits"], 0, 300)
    keep = found.event["trigger"].copy()
    keep[::7], keep[3::11] = 8, 4
    return replace(found, event=found.event | {"trigger": keep, "run": np.full(300, RUN, np.int32)})


def seen(
    events: EventColumns, periods: dict[str, Period], facts: RunFacts | None = None
) -> NDArray[np.int64]:
    """Rows of the events that can be seen with these periods."""
    contexts = contexts_of_runs([RUN], periods, {} if facts is None else {RUN: facts})
    job = Job(SELECTION, False, False, contexts, LAYOUTS, BadList())
    (part,) = visible_events(events, job, FileContext("0" * 64, "hits", (RUN,)))
    assert part.rows is not None
    return part.rows


@pytest.fixture(scope="module")
def packaged(events: EventColumns) -> set[int]:
    """Rows that can be seen with the packaged periods."""
    rows = seen(events, load_periods())
    assert 50 < len(rows) < events.n_events - 20
    return set(rows.tolist())


@pytest.mark.parametrize("what", HIDES_AS_MUCH)
def test_a_changed_period_hides_as_much(
    what: str, events: EventColumns, packaged: set[int], tmp_path: Path, own_period: Callable[..., Path]
) -> None:
    periods = load_periods(own_period(tmp_path / "p", *HIDES_AS_MUCH[what]))
    assert set(seen(events, periods).tolist()) <= packaged


BOXES_IN_PLACE = {
    "another search": BOX.replace("[box]", '[box]\nsearch = "mine"\n#'),
    "no bound that keeps anything": """[[box]]
[[box.bound]]
features = ["ecal"]
below = { value = -1000, unit = "GeV", source = "x" }
guard = { value = 0, unit = "GeV", source = "x" }
""",
    "above for below": """[[box]]
[[box.bound]]
features = ["ecal", "ecal_total"]
above = { value = 60, unit = "GeV", source = "x" }
guard = { value = 5, unit = "GeV", source = "x" }
""",
    "fewer sums": """[[box]]
[[box.bound]]
features = ["ecal"]
below = { value = 60, unit = "GeV", source = "x" }
guard = { value = 5, unit = "GeV", source = "x" }
[[box.bound]]
features = ["hcal"]
below = { value = 1, unit = "GeV", source = "x" }
guard = { value = 0.5, unit = "GeV", source = "x" }
""",
    "two edges": """[[box]]
[[box.bound]]
features = ["ecal", "ecal_total"]
between = { values = [45, 60], unit = "GeV", source = "x" }
guard = { value = 5, unit = "GeV", source = "x" }
[[box.bound]]
features = ["hcal"]
below = { value = 1, unit = "GeV", source = "x" }
guard = { value = 0.5, unit = "GeV", source = "x" }
""",
    "one bound more": """[[box]]
[[box.bound]]
features = ["ecal"]
below = { value = 60, unit = "GeV", source = "x" }
guard = { value = 5, unit = "GeV", source = "x" }
[[box.bound]]
features = ["hcal"]
below = { value = 1, unit = "GeV", source = "x" }
guard = { value = 0.5, unit = "GeV", source = "x" }
[[box.bound]]
features = ["track_momentum"]
above = { value = 1000, unit = "GeV", source = "x" }
guard = { value = 0, unit = "GeV", source = "x" }
""",
}
"""Boxes that a period of the user may state in place of the packaged one."""


@pytest.mark.parametrize("what", BOXES_IN_PLACE)
def test_another_box_in_place_of_the_packaged_one_shows_and_opens_nothing_more(
    what: str, events: EventColumns, packaged: set[int], tmp_path: Path, own_period: Callable[..., Path]
) -> None:
    periods = load_periods(own_period(tmp_path / "p", (BOX, BOXES_IN_PLACE[what])))
    assert set(seen(events, periods).tolist()) <= packaged
    contexts = contexts_of_runs([RUN], periods)
    (first, *_) = contexts[RUN].boxes
    job = Job(replace(SELECTION, search=first.search), False, False, contexts, LAYOUTS)
    opening = Opening(job, Unblinding("f" * 64, "why", ("Ada", "Emmy"), key="k"))
    ((_, opened, values),) = opened_events(events, opening, FileContext("0" * 64, "hits", (RUN,)))
    if first.search != "invisible":
        assert not len(opened)  # the packaged box keeps it closed
        return
    allowed = simulated_mask(values, boxes=contexts[RUN].boxes, simulation=True)
    assert allowed.all()


@pytest.mark.parametrize("what", HIDES_AS_MUCH)
def test_what_is_in_the_box_is_visible_or_opened_and_never_lost(
    what: str, events: EventColumns, tmp_path: Path, own_period: Callable[..., Path]
) -> None:
    contexts = contexts_of_runs([RUN], load_periods(own_period(tmp_path / "p", *HIDES_AS_MUCH[what])))
    job, file = Job(SELECTION, False, False, contexts, LAYOUTS), FileContext("0" * 64, "hits", (RUN,))
    table = features_of(events, contexts[RUN].setup, job, file)
    inside = simulated_mask(table.values, boxes=contexts[RUN].boxes, simulation=True)
    inside &= table.skip == Skip.NONE
    (part,) = visible_events(events, job, file)
    opening = Opening(job, Unblinding("f" * 64, "why", ("Ada", "Emmy"), key="k"))
    ((_, opened, _),) = opened_events(events, opening, file)
    assert part.rows is not None
    assert not set(opened.tolist()) & set(part.rows.tolist())
    assert set(opened.tolist()) == set(np.flatnonzero(inside).tolist()) - set(part.rows.tolist())


def test_the_attacks_would_work_without_the_packaged_set_up(
    events: EventColumns, packaged: set[int], tmp_path: Path, own_period: Callable[..., Path]
) -> None:
    """With the user's set-up alone events of the box are seen: the suite can fail."""
    succeeded = set()
    for what in ("another trigger mask", "larger energies", "other modules", "a higher pedestal"):
        periods = load_periods(own_period(tmp_path / what.replace(" ", "-"), *HIDES_AS_MUCH[what]))
        contexts = contexts_of_runs([RUN], periods)
        alone = {run: replace(context, packaged=None) for run, context in contexts.items()}
        (part,) = visible_events(
            events, Job(SELECTION, False, False, alone, LAYOUTS), FileContext("0" * 64, "hits", (RUN,))
        )
        assert part.rows is not None
        if not set(part.rows.tolist()) <= packaged:
            succeeded.add(what)
    assert succeeded >= {"another trigger mask", "larger energies"}


def test_neither_another_name_nor_other_ranges_shrink_the_box(
    events: EventColumns, packaged: set[int], tmp_path: Path, own_period: Callable[..., Path]
) -> None:
    folder = own_period(tmp_path / "p", (HEAD, PART), (EDGE, EDGE.replace("60", "20")), to="mine")
    own_period(folder, (HEAD, REST))
    assert contexts_of_runs([RUN], load_periods(folder))[RUN].period == "mine"
    assert set(seen(events, load_periods(folder)).tolist()) <= packaged
    # The name of a packaged period with a smaller box, and runs of another.
    folder = own_period(
        tmp_path / "q", ("first = 6500", "first = 8700"), ("last = 8395", "last = 8710"), name="2022"
    )
    own_period(folder, (HEAD, REST))
    assert contexts_of_runs([RUN], load_periods(folder))[RUN].period == "2022"
    assert set(seen(events, load_periods(folder)).tolist()) <= packaged


REFUSED: dict[str, tuple[list[Change], str]] = {
    "runs of two periods": ([(HEAD, PART)], r"runs 8700 to 8710 are in period 2023A .* and in period mine"),
    "new runs without a box": (
        [(HEAD, NEW), (BOX, "")],
        "period mine: no signal box for runs 9000 to 9999",
    ),
    "runs beyond the packaged ones without a box": (
        [(HEAD, HEAD.replace("8396", "8990").replace("8999", "9001")), (BOX, "")],
        "period mine: no signal box for runs 9000 to 9001",
    ),
    "other cells of the ECAL": (
        [(ECAL_CELLS, ECAL_CELLS.replace("5, 6", "6, 6"))],
        r"ecal.shape is \(2, 6, 6\)",
    ),
    "other cells of the HCAL": (
        [(HCAL_CELLS, HCAL_CELLS.replace("4, 3", "4, 6"))],
        r"hcal.shape is \(4, 6, 3\)",
    ),
    "no box of that size": ([(EDGE, EDGE.replace("60", "0"))], "signal box .*: edge at 0 GeV"),
    "no run type of all runs": ([('{ text = "physics"', '{ text = "calibration"')], "run type calibration"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_period_is_refused(what: str, tmp_path: Path, own_period: Callable[..., Path]) -> None:
    changes, said = REFUSED[what]
    new = "new" in what or "beyond" in what
    folder = own_period(tmp_path / "p", *changes, to="mine" if new or "two" in what else "2023A")
    if "beyond" in what:
        own_period(folder, (HEAD, HEAD.replace("8999", "8989")))
    with pytest.raises(ValueError, match=said):
        contexts_of_runs([9000 if new else RUN], load_periods(folder))


def test_simulation_needs_no_box(tmp_path: Path, own_period: Callable[..., Path]) -> None:
    periods = load_periods(own_period(tmp_path / "p", (HEAD, NEW), (BOX, ""), to="mine"))
    context = contexts_of_runs([9000], periods, simulation=True)[9000]
    assert ([edges_of(box)[0] for box in context.boxes], context.packaged) == ([50], None)


def test_a_packaged_run_type_is_not_contradicted(monkeypatch: pytest.MonkeyPatch) -> None:
    own, known = load_periods(), load_periods()
    known["2023A"] = replace(known["2023A"], run_facts={RUN: RunFacts(RUN, RunType.PHYSICS)})
    monkeypatch.setattr("na64.processors.run_contexts.packaged_periods", lambda: known)
    calibration = {RUN: RunFacts(RUN, RunType.CALIBRATION)}
    with pytest.raises(ValueError, match="run 8701: type is physics in one place and calibration in another"):
        contexts_of_runs([RUN], own, calibration)
    assert contexts_of_runs([RUN], own)[RUN].type is RunType.PHYSICS


FACTORS = st.sampled_from([0.0, 0.5, 0.97, 1.03, 1.5, 4.0])


@given(
    ecal=FACTORS,
    hcal=FACTORS,
    window=st.sampled_from([0.001, 0.5, 1.0, 5.0, 1e4]),
    shift=st.sampled_from([-1e3, -3.0, 0.0, 3.0, 1e3]),
    pedestal=st.sampled_from([-np.inf, 0.0, 0.2, 5.0, 1e3]),
    modules=st.sampled_from([(0,), (0, 1), (2, 3), (0, 1, 2, 3), (3,)]),
    mask=st.integers(0, 15),
    edges=st.tuples(st.sampled_from([0.1, 30.0, 60.0, 90.0]), st.sampled_from([0.01, 1.0, 5.0])),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_that_a_set_up_may_be_shows_what_the_packaged_one_hides(
    events: EventColumns, packaged: set[int], edges: tuple[float, float], **changes: Any
) -> None:
    period = load_periods()["2023A"]
    boxes = stated_box(**dict(zip(("ecal", "hcal"), edges, strict=True)))
    own = replace(period, name="mine", boxes=boxes, setup=changed(period.setup, **changes))
    assert set(seen(events, {"mine": own}).tolist()) <= packaged


EDGE_VALUES = st.sampled_from([-100.0, 0.0, 0.5, 30.0, 60.0, 90.0])
BOUNDS = st.builds(
    StatedBound,
    features=st.lists(
        st.sampled_from(["ecal", "ecal_total", "hcal", "hcal_0", "hcal_012", "preshower", "veto_0"]),
        min_size=1,
        max_size=3,
        unique=True,
    ).map(tuple),
    unit=st.just("GeV"),
    low=st.sampled_from([-np.inf, -1000.0, -200.0]),
    high=EDGE_VALUES,
    guard=st.sampled_from([0.0, 5.0]),
    implied_by=st.just(()),
    source=st.just("x"),
)
SEARCHES = st.sampled_from(["invisible", "alp"])


@given(
    stated=st.lists(st.tuples(SEARCHES, st.lists(BOUNDS, min_size=1, max_size=3).map(tuple)), max_size=3),
    scale=st.sampled_from([0.5, 1.0, 1.5]),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_that_boxes_may_be_shows_what_the_packaged_one_hides(
    events: EventColumns,
    packaged: set[int],
    stated: list[tuple[str, tuple[StatedBound, ...]]],
    scale: float,
) -> None:
    period = load_periods()["2023A"]
    boxes = tuple(StatedBox(search, {}, bounds) for search, bounds in stated)
    ecal = replace(
        period.setup.calorimeter, scale=tuple(scale * one for one in period.setup.calorimeter.scale)
    )
    own = replace(period, boxes=boxes, setup=period.setup.with_detectors(ecal))
    visible = seen(events, {"2023A": own})
    assert set(visible.tolist()) <= packaged
    contexts = contexts_of_runs([RUN], {"2023A": own})
    job, file = Job(SELECTION, False, False, contexts, LAYOUTS), FileContext("0" * 64, "hits", (RUN,))
    hidden_too = hidden_by(contexts[RUN].boxes, events, contexts[RUN], job, file)
    concerned = (events.event["trigger"] == 0) | (events.event["trigger"] & 4 != 0)
    assert not (hidden_too & concerned)[visible].any()


def changed(
    setup: Setup,
    *,
    ecal: float,
    hcal: float,
    window: float,
    shift: float,
    pedestal: float,
    modules: tuple[int, ...],
    mask: int,
) -> Setup:
    parts = []
    for name, factor in (("ecal", ecal), ("hcal", hcal)):
        detector = setup.detectors[name]
        timing = replace(
            detector.timing,
            n_sigma=detector.timing.n_sigma * window,
            half_width=None if detector.timing.half_width is None else detector.timing.half_width * window,
            expected=tuple(time + shift for time in detector.timing.expected),
        )
        parts.append(
            replace(
                detector,
                scale=tuple(factor * one for one in detector.scale),
                timing=timing,
                pedestal=pedestal if name == "hcal" else detector.pedestal,
            )
        )
    return replace(setup.with_detectors(*parts), physics_trigger_mask=mask, chosen_modules=modules)


def test_events_of_the_box_are_among_those_tried(events: EventColumns) -> None:
    context = contexts_of_runs([RUN], load_periods())[RUN]
    job = Job(SELECTION, True, False, {RUN: context}, LAYOUTS)
    (part,) = visible_events(events, job, FileContext("0" * 64, "hits", (RUN,)))
    assert np.count_nonzero(hidden(context.boxes, part.values[: len(SELECTION.index)])) > 20
