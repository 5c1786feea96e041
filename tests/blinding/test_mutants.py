"""Every small change of the code that hides events is noticed."""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from na64.datasets.bad import BadEntry, BadList
from na64.datasets.columns import EventColumns, Hits
from na64.datasets.conditions import RunFacts, RunType
from na64.datasets.layout import load_layout
from na64.datasets.periods import load_periods
from na64.datasets.read import read
from na64.processors.features import compute
from na64.processors.job import FileContext, Job, contexts_of_runs
from na64.processors.plugin import Plugin
from na64.processors.result import SKIPPED
from na64.processors.rows import take_rows
from na64.selections.features import INDEX
from na64.selections.selection import load_selection
from na64.selections.signal_box import load_box

F32 = np.float32
BOX = replace(load_box("2023A"), scales=(1.0, 0.97))
BOXES = (BOX, replace(BOX, scales=(1.1,), ecal_sums=("ecal",)), load_box(None))
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


EQUIVALENT = {
    "visible_events: events if len(rows) == events.n_events else take_rows(events, rows) -> "
    "take_rows(events, rows)": "all rows are taken; it only spares a copy",
    "runs_of: [lowest] if lowest == highest else np.unique(numbers).tolist() -> "
    "np.unique(numbers).tolist()": "one run is what is unique; it only spares sorting",
    "_of_run: table.values if seen.all() else np.compress(seen, table.values, axis=1) -> "
    "np.compress(seen, table.values, axis=1)": "all events are taken; it only spares a copy",
    "_account: 0 -> 1": "every count is set after that",
    "hidden: np.ones -> np.zeros": "every event is set after that",
}
"""Mutants that do the same, and why."""


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
    if isinstance(node, (ast.AugAssign, ast.Expr, ast.For)):
        yield ast.Pass()
    if isinstance(node, ast.If):
        for known in (True, False):
            yield ast.If(ast.Constant(known), node.body, node.orelse)


def mutants(source: str, functions: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """What was changed, and the whole source with it, for every variant of every node of some functions."""
    tree = ast.parse(source)
    for function in functions:
        found = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == function]
        assert len(found) == 1, f"{function} is not there any more"
        body = [
            n for n in found[0].body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))
        ]
        for node in itertools.chain.from_iterable(map(ast.walk, body)):
            for variant in variants(node):
                yield f"{function}: {ast.unparse(node)} -> {ast.unparse(variant)}", _with(tree, node, variant)


def _with(tree: ast.Module, old: ast.AST, new: ast.AST) -> str:
    class Swap(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> Any:
            return new if node is old else self.generic_visit(node)

    # Copied piece by piece, so that the node to be changed is still known by itself.
    memo = {id(old): old}
    return ast.unparse(ast.fix_missing_locations(Swap().visit(copy.deepcopy(tree, memo))))


def load(name: str, source: str) -> ModuleType:
    """Load a changed source as a module of its own."""
    module = ModuleType(f"{name}_mutant")
    module.__dict__["__package__"] = name.rpartition(".")[0]
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, name, "exec"), module.__dict__)  # noqa: S102
    finally:
        del sys.modules[module.__name__]
    return module


def edge_events() -> Any:
    """Features of events about every edge, one sum at a time and all together."""
    marks = [50, 55, 60, 65, 1, 1.5, 55 / 0.97, 65 / 0.97, 1.5 / 0.97, 65 / 1.1, 1.5 / 1.1, 60 / 1.1]
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
    return np.array(
        [
            word != 0 and physics == 0
            for word, physics in zip(trigger, features[INDEX["trigger_physics"]], strict=True)
        ]
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
            assert module.visible_mask(features, **known, simulation=True).all()
            ecal, hcal = (features[INDEX[name]].astype(np.float64) for name in ("ecal", "hcal"))
            shown = (ecal >= box.ecal + box.ecal_guard) | (hcal >= box.hcal + box.hcal_guard)
            drawn = module.drawn_mask(box, features[INDEX["ecal"]], features[INDEX["hcal"]])
            assert np.array_equal(drawn, shown)
            inside = (features[INDEX["ecal"]] < box.ecal) & (features[INDEX["hcal"]] < box.hcal)
            expected = inside & closed & ~opened & ~nonfinite & (spills == 3)
            found = module.opened_mask(features, **known, place=(7, spills), unblinding=unblinding)
            assert np.array_equal(found, expected)
            assert not module.opened_mask(features, **known, place=(8, spills), unblinding=unblinding).any()
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
    "rectangle",
)


def test_mutants_of_the_box() -> None:
    survivors, n_mutants = survivors_of("na64.selections.signal_box", BOX_FUNCTIONS, judge_box)
    assert n_mutants > 50
    assert survivors == []


def survivors_of(
    name: str, functions: tuple[str, ...], judge: Callable[[ModuleType], None]
) -> tuple[list[str], int]:
    source = inspect.getsource(importlib.import_module(name))
    judge(load(name, source))
    survivors, n_mutants = [], 0
    for change, changed in mutants(source, functions):
        n_mutants += 1
        try:
            judge(load(name, changed))
        except (Exception, pytest.fail.Exception):  # noqa: S112 - a mutant that is noticed in whatever way
            continue
        if change not in EQUIVALENT:
            survivors.append(change)
    return survivors, n_mutants


PLUGIN = Plugin(
    "sum.py",
    "from na64.processors.plugin import feature\n"
    '@feature(name="both", unit="GeV")\n'
    "def both(event):\n"
    "    return event['ecal'] + event['hcal']\n",
)
RUNS = (8701, 8702)


def sample(path: Path) -> EventColumns:
    """Events of two runs that are asked for and of one that is not, with everything that can be wrong."""
    events = read(path, load_layout("hits"), 0, 150)
    random = np.random.default_rng(5)
    events.event["run"] = random.choice([*RUNS, 8800], events.n_events)
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
    closed = twin_hidden(context.box, table.values)
    opened = twin_open(context.type, part.event["trigger"], table.values)
    seen = skip == 0 if job.simulation else (skip == 0) & (opened | ~closed)
    counts = {name: int((skip == code).sum()) for code, name in enumerate(SKIPPED, start=1)}
    if not job.simulation:
        counts["skipped_nonfinite"] = 0
    processed = len(rows) - sum(counts.values())
    accounting = {"processed": processed, "hidden": processed - int(seen.sum()), **counts}
    values = table.values[:, seen]
    if job.plugin is not None:
        values = np.concatenate([values, (values[INDEX["ecal"]] + values[INDEX["hcal"]])[None]])
    return values, part.event["weight"][seen] if job.weighted else None, accounting, rows[seen]


def jobs() -> Iterator[Job]:
    selection = load_selection("dimuon_2022")
    layouts, bad = {"hits": load_layout("hits")}, BadList((BadEntry(RUNS[0], 1),))
    periods = load_periods()
    stated = [{run: RunFacts(run, kind) for run in RUNS} for kind in (RunType.PHYSICS, RunType.CALIBRATION)]
    with_plugin = replace(selection, extra_features=tuple(PLUGIN.features.values()))
    for facts in stated:
        contexts = contexts_of_runs(RUNS, periods, facts)
        yield Job(selection, simulation=False, weighted=False, runs=contexts, layouts=layouts, bad=bad)
        yield Job(selection, simulation=True, weighted=True, runs=contexts, layouts=layouts, bad=bad)
        yield Job(with_plugin, False, False, contexts, layouts, bad, PLUGIN)


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
    alone = take_rows(events, np.flatnonzero(events.event["run"] == RUNS[1]))
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

    name = "na64.processors.visible"
    functions = tuple(
        node.name
        for node in ast.parse(inspect.getsource(importlib.import_module(name))).body
        if isinstance(node, ast.FunctionDef)
    )
    survivors, n_mutants = survivors_of(name, functions, judge)
    assert n_mutants > 20
    assert survivors == []
