"""Every small change of the code that tells visible events from hidden ones is noticed."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from na64.datasets.calibration.constants import Quantity
from na64.datasets.conditions.bad_spills import BadEntry, BadList
from na64.datasets.conditions.conditions import RunFacts, RunType
from na64.datasets.conditions.periods import load_periods
from na64.datasets.instrument.columns import EventColumns, Hits
from na64.datasets.instrument.features import INDEX
from na64.datasets.instrument.formula import Formula
from na64.datasets.reading.layout import load_layout
from na64.datasets.reading.read import read
from na64.processors.counting.tally import SKIPPED
from na64.processors.events import visible_events
from na64.processors.features.compute import compute
from na64.processors.features.plugin import Plugin
from na64.processors.features.rows import take_rows
from na64.processors.features.varied_features import feature_rows
from na64.processors.job import FileContext, Job
from na64.processors.run_contexts import contexts_of_runs
from na64.selections.selection import load_selection
from na64.selections.signal_box import SignalBox
from na64.selections.variations import Effect, Variation
from na64.tests.blinding.mutation import (
    RUNS,
    VARIED_FUNCTIONS,
    VISIBLE_FUNCTIONS,
    load,
    other_period,
    survivors_of,
    twin_open,
)
from na64.tests.datasets.calibration.example_constants import calibration_of
from na64.tests.selections.example_boxes import DECAY, bound, twin_hidden

PLUGIN = Plugin(
    "sum.py",
    "from na64.processors.features.plugin import feature\n"
    '@feature(name="both", unit="GeV")\n'
    "def both(event):\n"
    "    return event['ecal'] + event['hcal']\n",
)
FORMULAS = (
    Formula("total", "GeV", "ecal + hcal", "made of what the box is about"),
    Formula("vetoes", "GeV", "veto_0 + veto_1", "made of something else"),
)
MADE = tuple(formula.feature for formula in FORMULAS)
EFFECTS = (
    Effect(scale=(("ecal", 0.8),)),
    Effect(window=(("hcal", 0.5), ("srd", 0.5))),
    Effect(scale=(("veto", 2.0),)),
)
VARIATIONS = tuple(Variation(f"v{n}", "", "", effect, ()) for n, effect in enumerate(EFFECTS))


def sample(path: Path) -> EventColumns:
    """Events of two runs that are asked for and of one that is not, with everything that can be wrong."""
    events = read(path, load_layout("hits"), 0, 150)
    random = np.random.default_rng(5)
    events.event["run"] = random.choice([*RUNS, 8800], events.n_events)
    events.event["trigger"] = np.where(random.random(events.n_events) < 0.4, 0, events.event["trigger"])
    events.event["track_momentum"] = events.event["track_momentum"].astype(np.float64)
    events.event["track_momentum"][random.random(events.n_events) < 0.1] = np.nan
    events.event["unequal_hits"] = random.random(events.n_events) < 0.1
    events.event["weight"] = np.where(random.random(events.n_events) < 0.1, np.nan, 1.5)
    ecal = events.detectors["ecal"]
    assert isinstance(ecal, Hits)
    ecal.cell[ecal.offsets[:-1][random.random(events.n_events) < 0.1]] = 250
    return events


def expected_of(events: EventColumns, run: int, job: Job) -> tuple[Any, Any, dict[str, int], Any]:
    rows = np.flatnonzero(events.event["run"] == run)
    part, context = take_rows(events, rows), job.runs[run]
    bad = job.bad.mask(*(part.event[name] for name in ("run", "spill", "event")))
    table = compute(part, context.setup, bad=bad, residual_times=True, profile_chi2=job.profile_chi2)
    skip = table.skip.copy()
    if job.weighted:
        skip = np.where(~np.isfinite(part.event["weight"]), np.maximum(skip, 1), skip)
    varied = [
        (
            effect,
            compute(
                part, effect.of(context.setup), bad=bad, residual_times=True, profile_chi2=job.profile_chi2
            ).values,
        )
        for effect in job.selection.effects
    ]
    seen = skip == 0
    opened = seen.copy()
    for setup in () if job.simulation else context.setups:
        nominal = compute(part, setup, bad=bad, residual_times=True).values
        closed = twin_hidden(context.boxes, nominal)
        for effect in job.selection.effects:
            others = compute(part, effect.of(setup), bad=bad, residual_times=True).values
            closed |= twin_hidden(context.boxes, others)
        opened &= twin_open(context.type, part.event["trigger"], nominal)
        seen &= twin_open(context.type, part.event["trigger"], nominal) | ~closed
    counts = {name: int((skip == code).sum()) for code, name in enumerate(SKIPPED, start=1)}
    if not job.simulation:
        counts["skipped_nonfinite"] = 0
    processed = len(rows) - sum(counts.values())
    counts["open"] = 0 if job.simulation else int((seen & opened).sum())
    accounting = {"processed": processed, "hidden": processed - int(seen.sum()), **counts}
    tables = [table.values, *(others for _, others in varied)]
    for made in job.selection.extra_features:
        terms = ("ecal", "hcal") if made.name in ("both", "total") else ("veto_0", "veto_1")
        tables = [np.concatenate([t, (t[INDEX[terms[0]]] + t[INDEX[terms[1]]])[None]]) for t in tables]
    names = list(job.selection.index)
    for name in list(feature_rows(job.selection))[len(names) :]:
        feature, _, number = name.partition("@")
        tables[0] = np.concatenate([tables[0], tables[1 + int(number)][[names.index(feature)]]])
    values = tables[0][:, seen]
    return values, part.event["weight"][seen] if job.weighted else None, accounting, rows[seen]


def twin_closed(events: EventColumns, job: Job) -> Any:
    """Which events of the first run a box hides under any set-up and any effect on ECAL or HCAL."""
    moving = [effect for effect in job.selection.effects if {"ecal", "hcal"} & {*effect.detectors}]
    bad = np.zeros(events.n_events, bool)
    tables = [
        compute(events, effect.of(setup), bad=bad, residual_times=True).values
        for setup in job.runs[RUNS[0]].setups
        for effect in (Effect(), *moving)
    ]
    return np.any([twin_hidden((DECAY,), table) for table in tables], axis=0)


@cache
def jobs() -> tuple[Job, ...]:
    """Jobs of every kind, which no mutant changes."""
    return tuple(_made_jobs())


def _made_jobs() -> Iterator[Job]:
    selection = load_selection("dimuon_2022")
    layouts, bad = {"hits": load_layout("hits")}, BadList((BadEntry(RUNS[0], 1),))
    periods = load_periods()
    stated = [{run: RunFacts(run, kind) for run in RUNS} for kind in (RunType.PHYSICS, RunType.CALIBRATION)]
    with_plugin = replace(selection, extra_features=tuple(PLUGIN.features.values()))
    with_formulas, with_all = (
        replace(base, extra_features=(*base.extra_features, *MADE), formulas=FORMULAS)
        for base in (selection, with_plugin)
    )
    for facts in stated:
        contexts = contexts_of_runs(RUNS, periods, facts)
        yield Job(selection, simulation=False, weighted=False, runs=contexts, layouts=layouts, bad=bad)
        yield Job(selection, simulation=True, weighted=True, runs=contexts, layouts=layouts, bad=bad)
        yield Job(with_plugin, False, False, contexts, layouts, bad, PLUGIN)
    contexts = contexts_of_runs(RUNS, periods, stated[0])
    for base, plugin in (
        (selection, None),
        (with_plugin, PLUGIN),
        (with_formulas, None),
        (with_all, PLUGIN),
    ):
        yield Job(replace(base, variations=VARIATIONS), False, False, contexts, layouts, bad, plugin)
    # Other numbers than the packaged ones, which hide too: by the trigger, the energies, and both varied.
    for scale, changed in (
        (1.4, selection),
        (1.4, replace(selection, variations=VARIATIONS)),
        (0.6, selection),
    ):
        own = contexts_of_runs(RUNS, {"2023A": other_period(periods["2023A"], scale)}, stated[0])
        yield Job(changed, False, False, own, layouts, bad)
    cells = {("ecal", Quantity.SCALE): {44: 1.3}, ("hcal", Quantity.DELAY): {4: -20.0}}
    calibrated = contexts_of_runs(RUNS, periods, stated[0], calibration=calibration_of(cells, RUNS))
    yield Job(selection, False, False, calibrated, layouts, bad)
    yield Job(replace(selection, variations=VARIATIONS), True, True, contexts, layouts, bad)
    # A box that looks at other detectors too, which another variation changes.
    vetoed = SignalBox("p", "s", 1, (bound("veto_0", high=0.02), bound("ecal", high=90.0)))
    wider = {run: replace(context, boxes=(*context.boxes, vetoed)) for run, context in contexts.items()}
    yield Job(replace(selection, variations=VARIATIONS), False, False, wider, layouts, bad)
    # One whose detectors say nothing about the box.
    yield Job(replace(selection, variations=VARIATIONS[2:]), False, False, contexts, layouts, bad)


def _note(noted: dict[str, Any], *_: Any, **options: Any) -> None:
    noted.update(options)
    raise InterruptedError


def judge_visible(module: ModuleType, events: EventColumns, expected: list[dict[int, Any]]) -> None:
    file = FileContext("0" * 64, "hits", RUNS)
    for job, of_run in zip(jobs(), expected, strict=True):
        parts = {part.run: part for part in module.visible_events(events, job, file)}
        assert list(parts) == list(RUNS)
        for run, part in parts.items():
            values, weight, accounting, rows = of_run[run]
            assert np.array_equal(part.values, values, equal_nan=True)
            assert part.accounting == accounting
            assert np.array_equal(part.rows, rows)
            assert (part.weight is None) == (weight is None)
            assert weight is None or np.array_equal(part.weight, weight)
        if not job.simulation:
            part_of_run = take_rows(events, np.flatnonzero(events.event["run"] == RUNS[0]))
            found = module.hidden_by((DECAY,), part_of_run, job.runs[RUNS[0]], job, file)
            assert found.dtype == bool
            assert np.array_equal(found, twin_closed(part_of_run, job))
    runs = module.runs_of(events)
    assert runs == [*RUNS, 8800]
    assert {type(run) for run in runs} == {int}
    noted: dict[str, Any] = {}
    read_as: Any = SimpleNamespace(
        time_is_residual="residual",
        absent_nan="absent",
        constants={},
        given_features=(),
        counts_entries=False,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "compute", partial(_note, noted))
        with pytest.raises(InterruptedError):
            list(module.visible_events(events, replace(job, layouts={"hits": read_as}), file))
    assert (noted["residual_times"], noted["absent_nan"]) == ("residual", "absent")
    alone = take_rows(events, np.flatnonzero(events.event["run"] == RUNS[1]))
    assert type(module.runs_of(alone)[0]) is int
    assert [part.run for part in module.visible_events(alone, job, file)] == [RUNS[1]]
    nothing = take_rows(events, np.arange(0))
    assert list(module.visible_events(nothing, job, file)) == []
    del alone.event["weight"], alone.event["trigger"]
    blind, simulated, *_ = jobs()
    (part,) = module.visible_events(alone, simulated, file)
    assert part.weight.tolist() == [1.0] * part.values.shape[1]
    (part,) = module.visible_events(alone, blind, file)
    assert not twin_hidden(blind.runs[RUNS[1]].boxes, part.values).any()


def judge_set_ups(module: ModuleType) -> None:
    """A box is judged by the set-ups that have its features; one that none has, by all of them."""
    small, large = {"a": 0}, {"a": 0, "b": 1}
    context: Any = SimpleNamespace(setups=(large, small), boxes=tuple(map(_box, ("a", "ab", "abc", "z"))))
    context.type, context.others = RunType.PHYSICS, (small,)
    told: list[Any] = []

    def note(*given: Any, **named: Any) -> Any:
        told.append((named.get("boxes", given[0]), named.get("index", given[-1])))
        assert told[-1][0]
        return np.zeros(2, bool)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "feature_index", lambda setup: setup)
        known = {len(s): module.known_boxes(context.boxes, s, context) for s in context.setups}
        assert {n: ["".join(box.features) for box in boxes] for n, boxes in known.items()} == {
            2: ["a", "ab", "abc", "z"],
            1: ["a", "abc", "z"],
        }
        patch.setattr(module, "visible_mask", note)
        patch.setattr(module, "is_open", lambda *_: None)
        table: Any = SimpleNamespace(values=None, skip=np.zeros(2), index={"a": 7})
        events: Any = SimpleNamespace(event={}, n_events=2)
        job: Any = SimpleNamespace(simulation=False, hides=True, closing_effects=())
        module._may_be_seen(events, table, [], (context, small), job)
        assert told.pop() == (known[1], {"a": 7})
        patch.setattr(module, "hidden", note)
        patch.setattr(module, "_varied", lambda *_: None)
        job.selection = SimpleNamespace(recorded_features=large)
        module.hidden_by(context.boxes, events, context, job, None)
        assert told == [(known[2], {"a": 0, "b": 1}), (known[1], {"a": 0, "b": 1})]
        del told[:]
        module.hidden_by(context.boxes[1:2], events, context, job, None)
        assert [boxes for boxes, _ in told] == [context.boxes[1:2]]


def _box(features: str) -> Any:
    return SimpleNamespace(features=tuple(features))


def judge_cells(module: ModuleType, events: EventColumns) -> None:
    """Functions of cells get those of the events that were chosen."""
    job, chosen = jobs()[0], np.arange(events.n_events) % 3 == 1
    file = FileContext("0" * 64, next(iter(job.layouts)), RUNS)
    source = module.derivation_of(events, chosen, RUNS[0], job, file).cells
    assert source.rows.tolist() == [row for row, one in enumerate(chosen) if one]


def test_mutants_of_what_is_visible(worlds: Any) -> None:
    events = sample(worlds("hits")[0].files()[0])
    expected = [{run: expected_of(events, run, job) for run in RUNS} for job in jobs()]

    def judge(module: ModuleType) -> None:
        judge_visible(module, events, expected)
        judge_set_ups(module)
        judge_cells(module, events)

    survivors, n_mutants = survivors_of(visible_events.__name__, VISIBLE_FUNCTIONS, judge)
    assert n_mutants > 60
    assert not survivors, "\n".join(survivors)

    def judge_varied(module: ModuleType) -> None:
        user = load(visible_events.__name__, inspect.getsource(visible_events))
        user.__dict__.update(append_varied=module.append_varied, needed_part=module.needed_part)
        judge_visible(user, events, expected)

    survivors, n_mutants = survivors_of(
        "na64.processors.features.varied_features", VARIED_FUNCTIONS, judge_varied
    )
    assert n_mutants > 20
    assert not survivors, "\n".join(survivors)
