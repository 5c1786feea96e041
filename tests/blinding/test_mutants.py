"""Every small change of the code that hides events is noticed."""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import itertools
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from types import CodeType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from na64.datasets.basics.units import Quantity
from na64.datasets.conditions import periods as periods_module
from na64.datasets.conditions.bad_spills import BadEntry, BadList
from na64.datasets.conditions.conditions import RunFacts, RunType
from na64.datasets.conditions.periods import Period, load_periods
from na64.datasets.instrument.columns import EventColumns, Hits
from na64.datasets.instrument.features import INDEX
from na64.datasets.reading.layout import load_layout
from na64.datasets.reading.read import read
from na64.processors import job as job_module
from na64.processors.counting.tally import SKIPPED
from na64.processors.events import visible_events
from na64.processors.features import varied_features
from na64.processors.features.compute import compute
from na64.processors.features.plugin import Plugin
from na64.processors.features.rows import take_rows
from na64.processors.features.varied_features import feature_rows
from na64.processors.job import FileContext, Job, contexts_of_runs
from na64.selections import boxes, signal_box
from na64.selections.boxes import default_box, load_boxes
from na64.selections.formula import Formula
from na64.selections.selection import load_selection
from na64.selections.variations import Effect, Variation

F32 = np.float32
BOX = replace(load_boxes()["2023A"], scales=(1.0, 0.97))
BOXES = (
    BOX,
    replace(BOX, scales=(1.1,), ecal_sums=("ecal",)),
    default_box(),
    replace(BOX, scales=(1.0,), ecal=60.1, hcal=0.9, ecal_guard=5.0, hcal_guard=0.5),
)
"""The last has edges that are no float32."""

SUMS = (*BOX.ecal_sums, *BOX.hcal_sums)
LOWER, HIGHER = (F32(-np.inf), F32(np.inf))

COMPARISONS = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
OPERATORS = {
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Div: ast.Mult,
    ast.Mult: ast.Div,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
NAMES = {
    "minimum": "maximum",
    "maximum": "minimum",
    "min": "max",
    "max": "min",
    "ones": "zeros",
    "zeros": "ones",
}
"""What a mutant may have in place of what stands there."""


_APPENDED = "\n    values = append_varied(values, varied, seen, derivation)"
EQUIVALENT = {
    "visible_events: events if len(rows) == events.n_events else take_rows(events, rows) -> "
    "take_rows(events, rows)": "all rows are taken; it only spares a copy",
    "runs_of: [lowest] if lowest == highest else np.unique(numbers).tolist() -> "
    "np.unique(numbers).tolist()": "one run is what is unique; it only spares sorting",
    "_of_run: table.values if seen.all() else np.compress(seen, table.values, axis=1) -> "
    "np.compress(seen, table.values, axis=1)": "all events are taken; it only spares a copy",
    "runs_of: int(numbers.min()) -> int()": "one run is what is unique; it only spares sorting",
    "runs_of: int(numbers.max()) -> int()": "the same",
    "_of_run: True -> False": "they are equally long",
    f"_of_run: if varied:{_APPENDED} -> if True:{_APPENDED}": "it appends nothing then",
    "runs_of: int(numbers.max()) -> numbers.max()": "it is only compared",
    "seen_as_packaged: plane_part(events) -> events": "it only spares what is not looked at",
    "_varied: needed_part(events, effect) -> events": "it only spares what is not looked at",
    "append_varied: True -> False": "they are equally long",
    "append_varied: rows if seen.all() else np.compress(seen, rows, axis=1) -> "
    "np.compress(seen, rows, axis=1)": "all events are taken; it only spares a copy",
    "contexts_of_runs: if period.name not in boxes:\n    boxes[period.name] = box_of(period) -> "
    "if True:\n    boxes[period.name] = box_of(period)": "it only spares making it again",
    "_account: 0 -> 1": "every count is set after that",
    "_account: dict.fromkeys(ACCOUNTING, 0) -> dict.fromkeys(ACCOUNTING)": "every count is set after that",
    "hidden: np.ones -> np.zeros": "every event is set after that",
    "hidden: len(INDEX) -> INDEX": "what a message says",
    "hidden: range(0, n_events, _BLOCK) -> range(0, n_events)": "every event is done many times",
    "hidden: range(0, n_events, _BLOCK) -> range(0, _BLOCK)": "the same; noticed, but after a minute",
    "hidden: slice(start, start + _BLOCK) -> slice(start + _BLOCK)": "earlier blocks are done again",
    "_safe_from: np.float32(np.inf) -> np.inf": "a plain number takes the type of the other",
}
"""Mutants that do the same, and why."""

ALWAYS_EQUIVALENT = (
    re.compile(r"\w+: int\((np\.count_nonzero\(.*\))\) -> \1"),  # a plain number already
    re.compile(r"\w+: (zip\(.*), strict=(True|False)\) -> \1\)"),  # what is zipped fits
)


def variants(node: ast.AST) -> Iterator[ast.AST]:  # noqa: PLR0912
    """The node with one thing changed in itself, not in its children."""
    if isinstance(node, ast.Compare):
        for place, op in enumerate(node.ops):
            for other in COMPARISONS.get(type(op), ()):
                ops = [*node.ops[:place], other(), *node.ops[place + 1 :]]
                yield ast.Compare(node.left, ops, node.comparators)
    elif isinstance(node, (ast.BinOp, ast.AugAssign, ast.BoolOp)) and type(node.op) in OPERATORS:
        changed: Any = copy.copy(node)
        changed.op = OPERATORS[type(node.op)]()
        yield changed
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitAnd, ast.BitOr)):
            yield node.left
            yield node.right
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Attribute) and node.attr in NAMES:
        yield ast.Attribute(node.value, NAMES[node.attr], node.ctx)
    elif isinstance(node, ast.Name) and node.id in NAMES:
        yield ast.Name(NAMES[node.id], node.ctx)
    elif isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
    elif isinstance(node, ast.Constant) and type(node.value) in (int, bool):
        old: Any = node.value
        yield ast.Constant(not old if isinstance(old, bool) else old + 1)
    elif isinstance(node, ast.Call):
        yield from _with_less(node)
    elif isinstance(node, (ast.ListComp, ast.GeneratorExp)) and node.generators[0].ifs:
        first, *others = node.generators
        bare = ast.comprehension(first.target, first.iter, [], first.is_async)
        yield type(node)(node.elt, [bare, *others])
    if isinstance(node, (ast.AugAssign, ast.Expr, ast.For)):
        yield ast.Pass()
    if isinstance(node, ast.If):
        for known in (True, False):
            yield ast.If(ast.Constant(known), node.body, node.orelse)


def _with_less(node: ast.Call) -> Iterator[ast.AST]:
    """The call without one of its arguments, and each positional argument in place of the call."""
    for place in range(len(node.args)):
        yield ast.Call(node.func, [*node.args[:place], *node.args[place + 1 :]], node.keywords)
    for place in range(len(node.keywords)):
        yield ast.Call(node.func, node.args, [*node.keywords[:place], *node.keywords[place + 1 :]])
    yield from (argument for argument in node.args if not isinstance(argument, ast.Starred))


def mutants(source: str, functions: tuple[str, ...]) -> Iterator[tuple[str, CodeType]]:
    """What was changed, and the whole source with it, for every variant of every node of some functions."""
    tree = ast.parse(source)
    for function in functions:
        found = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == function]
        assert len(found) == 1, f"{function} is not there any more"
        if ast.get_docstring(found[0]):
            del found[0].body[0]
        for node, put in [place for part in found[0].body for place in _places(found[0], part)]:
            for variant in variants(node):
                change = f"{function}: {ast.unparse(node)} -> {ast.unparse(variant)}"
                put(ast.fix_missing_locations(ast.copy_location(variant, node)))
                code = compile(tree, function, "exec")
                put(node)
                yield change, code


def _places(parent: ast.AST, part: ast.AST) -> Iterator[tuple[ast.AST, Callable[[ast.AST], None]]]:
    """A part of its parent and all parts of it, each with what puts another in its place."""
    for name, value in ast.iter_fields(parent):
        if value is part:
            yield part, partial(setattr, parent, name)
        elif isinstance(value, list) and any(item is part for item in value):
            yield part, partial(value.__setitem__, next(n for n, item in enumerate(value) if item is part))
    for child in ast.iter_child_nodes(part):
        yield from _places(part, child)


def load(name: str, source: str | CodeType) -> ModuleType:
    """Load a changed source as a module of its own."""
    module = ModuleType(f"{name}_mutant")
    module.__dict__["__package__"] = name.rpartition(".")[0]
    module.__dict__["__file__"] = importlib.import_module(name).__file__
    sys.modules[module.__name__] = module
    try:
        exec(source if isinstance(source, CodeType) else compile(source, name, "exec"), module.__dict__)  # noqa: S102
    finally:
        del sys.modules[module.__name__]
    return module


def edge_events() -> Any:
    """Features of events about every edge, one sum at a time and all together."""
    edges = [50, 55, 60, 65, 1, 1.5, 60.1, 65.1, 0.9, 1.4]
    marks = [*edges, 55 / 0.97, 65 / 0.97, 1.5 / 0.97, 65 / 1.1, 1.5 / 1.1, 60 / 1.1]
    near = [
        value
        for mark in marks
        for m in [F32(mark)]
        for value in (np.nextafter(m, LOWER), m, np.nextafter(m, HIGHER))
    ]
    values = np.array([*near, 0, -1e30, 1e30, np.nan, np.inf, -np.inf], F32)
    rows = []
    for chosen in [(name,) for name in SUMS] + [BOX.ecal_sums, BOX.hcal_sums, SUMS]:
        for others in (0.5, 30.0, 200.0):
            table = np.full((len(INDEX), values.size), F32(others))
            for name in chosen:
                table[INDEX[name]] = values
            rows.append(table)
    features = np.concatenate(rows, axis=1)
    features[INDEX["trigger_physics"]] = 1
    outside = np.full((len(INDEX), 1), F32(200))
    return np.concatenate([outside, features], axis=1)


FEATURES = edge_events()


def twin_hidden(box: Any, features: Any) -> Any:
    wide = features.astype(np.float64)
    ecal, hcal = (wide[[INDEX[name] for name in names]] for names in (box.ecal_sums, box.hcal_sums))
    edges = (box.ecal + box.ecal_guard, box.hcal + box.hcal_guard)
    with np.errstate(invalid="ignore"):
        inside = np.zeros(features.shape[1], bool)
        for scale in box.scales:
            inside |= (ecal < edges[0] / scale).any(axis=0) & (hcal < edges[1] / scale).any(axis=0)
    return inside | ~np.isfinite(ecal).all(axis=0) | ~np.isfinite(hcal).all(axis=0)


def twin_open(run_type: RunType, trigger: Any, features: Any) -> Any:
    n_events = features.shape[1]
    if run_type in (RunType.CALIBRATION, RunType.BEAM):
        return np.ones(n_events, bool)
    if run_type is RunType.UNKNOWN or trigger is None:
        return np.zeros(n_events, bool)
    return (trigger != 0) & (features[INDEX["trigger_physics"]] == 0)


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


BOX_FUNCTIONS = (
    "hidden",
    "_hidden",
    "_range",
    "_safe_from",
    "is_open",
    "visible_mask",
    "drawn_mask",
    "opened_mask",
    "simulated_mask",
    "_inside",
    "rectangle",
)


BOXES_FUNCTIONS = ("box_of", "check_declared", "_box", "_enlarged", "_reaching")
RUN_FUNCTIONS = ("contexts_of_runs", "_packaged_setup", "hiding_identity", "setups")
PERIOD_FUNCTIONS = ("shares_runs_with", "unpackaged_runs")

VISIBLE_FUNCTIONS = tuple(
    node.name
    for node in ast.parse(inspect.getsource(visible_events)).body
    if isinstance(node, ast.FunctionDef)
)
VARIED_FUNCTIONS = ("append_varied",)


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


def survivors_of(
    name: str, functions: tuple[str, ...], judge: Callable[[ModuleType], None]
) -> tuple[list[str], int]:
    source = inspect.getsource(importlib.import_module(name))
    judge(load(name, source))
    survivors, n_mutants = [], 0
    for change, changed in mutants(source, functions):
        if change in EQUIVALENT or any(known.fullmatch(change) for known in ALWAYS_EQUIVALENT):
            continue
        n_mutants += 1
        try:
            judge(load(name, changed))
        except (Exception, pytest.fail.Exception):  # noqa: S112 - a mutant that is noticed in whatever way
            continue
        survivors.append(change)
    return survivors, n_mutants


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
RUNS = (8701, 8704)
"""A set of them is not in order."""


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
    for setup in () if job.simulation else (context.setup, *([context.packaged] if context.packaged else [])):
        nominal = compute(part, setup, bad=bad, residual_times=True).values
        closed = twin_hidden(context.box, nominal)
        for effect in job.selection.effects:
            if {"ecal", "hcal"} & set(effect.detectors):
                others = compute(part, effect.of(setup), bad=bad, residual_times=True).values
                closed |= twin_hidden(context.box, others)
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


def jobs() -> Iterator[Job]:
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
    # One whose detectors say nothing about the box.
    yield Job(replace(selection, variations=VARIATIONS[2:]), False, False, contexts, layouts, bad)


def other_period(period: Period, scale: float = 1.4) -> Period:
    """A period of the user: other energies, another trigger, other counters."""
    setup = period.setup
    return replace(
        period,
        setup=replace(
            setup,
            ecal=replace(setup.ecal, scale=tuple(scale * one for one in setup.ecal.scale)),
            veto=replace(setup.veto, scale=tuple(2 * one for one in setup.veto.scale)),
            physics_trigger_mask=2,
        ),
    )


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
    runs = module.runs_of(events)
    assert runs == [*RUNS, 8800]
    assert {type(run) for run in runs} == {int}
    noted: dict[str, Any] = {}
    read_as: Any = SimpleNamespace(time_is_residual="residual", absent_nan="absent")
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
    blind, simulated = itertools.islice(jobs(), 2)
    (part,) = module.visible_events(alone, simulated, file)
    assert part.weight.tolist() == [1.0] * part.values.shape[1]
    (part,) = module.visible_events(alone, blind, file)
    assert not twin_hidden(blind.runs[RUNS[1]].box, part.values).any()


def test_mutants_of_what_is_visible(worlds: Any) -> None:
    events = sample(worlds("hits")[0].files()[0])
    expected = [{run: expected_of(events, run, job) for run in RUNS} for job in jobs()]

    def judge(module: ModuleType) -> None:
        judge_visible(module, events, expected)

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
    counters = replace(known, setup=replace(known.setup, veto=own["2023A"].setup.veto, veto_mip=1.0))
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
        other: Any = {name: packaged["2016"].setup.ecal}
        cells = replace(known.setup, **other)
        with pytest.raises(ValueError, match=rf"{name}.shape is \(2, 6, 6\), but .* in packaged"):
            module.contexts_of_runs(RUNS, {"2023A": replace(known, setup=cells)})
    with pytest.MonkeyPatch.context() as patch:
        stated = {"2023A": replace(known, run_facts={run: RunFacts(run, RunType.PHYSICS) for run in RUNS})}
        patch.setattr(module, "packaged_periods", lambda: stated)
        with pytest.raises(ValueError, match="type is physics in one place and calibration in another"):
            module.contexts_of_runs(RUNS, packaged, facts)
    parts = replace(known.setup, physics_trigger_mask=1)
    assert module.hiding_identity(parts) != module.hiding_identity(known.setup)
    assert len(module.hiding_identity(parts)) == 64
    assert module.hiding_identity(counters.setup) == module.hiding_identity(known.setup)


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
