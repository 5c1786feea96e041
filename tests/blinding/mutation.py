"""Small changes of code that hides events, and an independent account of what is hidden."""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from types import CodeType, ModuleType
from typing import Any

import numpy as np
import pytest

from na64.datasets.conditions.conditions import RunType
from na64.datasets.conditions.periods import Period
from na64.datasets.instrument.features import INDEX
from na64.processors.events import visible_events
from na64.selections.boxes import default_box, load_boxes
from na64.selections.signal_box import Bound, SignalBox
from na64.tests.selections.example_boxes import DECAY, DUMP, ECAL, HCAL, TWO_SIDED, bound, rectangle

F32 = np.float32
BOX = rectangle(load_boxes()["2023A"][0], scales=(1.0, 0.97))
BOXES: tuple[tuple[SignalBox, ...], ...] = (
    (BOX,),
    (rectangle(BOX, scales=(1.1,), ecal={"features": ("ecal",)}),),
    (default_box(),),
    # Edges that are no float32.
    (rectangle(BOX, scales=(1.0,), ecal={"high": 60.1}, hcal={"high": 0.9}),),
    (replace(TWO_SIDED, bounds=tuple(replace(one, scales=(0.97, 1.1)) for one in TWO_SIDED.bounds)),),
    (default_box(), DECAY),
    (DUMP, TWO_SIDED),
    (replace(TWO_SIDED, bounds=(bound("ecal", low=45.1, high=75.1, guard=0.1),)),),
    (replace(TWO_SIDED, bounds=(bound("ecal", low=45.2, guard=0.3), bound("hcal_0", low=-1.5, guard=0.4))),),
)
"""Unions of boxes that are closed together."""

SUMS = (*ECAL, *HCAL)
MORE = ("hcal_0", "hcal_r")
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


_MADE_ONCE = (
    "\n    if not simulation:\n        check_declared(period)\n    boxes[period.name] = boxes_of(period)"
)
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
    "_of_run: context.others if job.hides else () -> context.others": "all is visible then",
    f"_of_run: if varied:{_APPENDED} -> if True:{_APPENDED}": "it appends nothing then",
    "runs_of: int(numbers.max()) -> numbers.max()": "it is only compared",
    "seen_under: needed_part(events, job.box_detectors) -> events": "it only spares others",
    "_varied: needed_part(events, {*changed_detectors(effect, job.selection), *closing}) -> events": (
        "the same"
    ),
    "append_varied: True -> False": "they are equally long",
    "append_varied: rows if seen.all() else np.compress(seen, rows, axis=1) -> "
    "np.compress(seen, rows, axis=1)": "all events are taken; it only spares a copy",
    f"contexts_of_runs: if period.name not in boxes:{_MADE_ONCE} -> if True:{_MADE_ONCE}": (
        "it only spares making it again"
    ),
    "_account: 0 -> 1": "every count is set after that",
    "_account: dict.fromkeys(ACCOUNTING, 0) -> dict.fromkeys(ACCOUNTING)": "every count is set after that",
    "hidden: np.ones -> np.zeros": "every event is set after that",
    "hidden: len(index) -> index": "what a message says",
    "hidden: range(0, n_events, _BLOCK) -> range(0, n_events)": "every event is done many times",
    "hidden: range(0, n_events, _BLOCK) -> range(0, _BLOCK)": "the same; noticed, but after a minute",
    "hidden: slice(start, start + _BLOCK) -> slice(start + _BLOCK)": "earlier blocks are done again",
    "_enlarged: True -> False": "they are equally long",
    "_packaged_setup: sorted(detectors_of((name for box in boxes for name in box.features), FEATURES)) -> "
    "detectors_of((name for box in boxes for name in box.features), FEATURES)": "which of two is named first",
    "_varied: job.box_detectors if effect in job.closing_effects or not effect else () -> "
    "job.box_detectors": "it only spares what is not looked at",
    "_beyond: if low > -np.inf:\n    beyond |= highest <= low -> if True:\n    beyond |= highest <= low": (
        "it only spares a comparison"
    ),
    "_beyond: low > -np.inf -> low >= -np.inf": "the same",
    "_beyond: if not needed:\n    beyond &= finite -> if True:\n    beyond &= finite": (
        "what is needed and not finite is hidden in any case"
    ),
    "_safe: np.float32(np.inf) -> np.inf": "a plain number takes the type of the other",
    "_safe: np.float32(-np.inf) -> -np.inf": "the same",
    "_hidden: dict.fromkeys((names for box in boxes for names, *_ in box)) -> "
    "(names for box in boxes for names, *_ in box)": "it only spares doing it twice",
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
    marks += [
        edge / scale
        for boxes in BOXES[4:]
        for box in boxes
        for one in box.bounds
        for scale in one.scales
        for edge in (one.low, one.low - one.guard, one.high, one.high + one.guard)
        if np.isfinite(edge)
    ]
    marks = list(dict.fromkeys(marks))
    near = [
        value
        for mark in marks
        for m in [F32(mark)]
        for value in (np.nextafter(m, LOWER), m, np.nextafter(m, HIGHER))
    ]
    values = np.array([*near, 0, -1e30, 1e30, np.nan, np.inf, -np.inf], F32)
    rows = []
    for chosen in [(name,) for name in (*SUMS, *MORE)] + [ECAL, HCAL, SUMS]:
        for others in (0.5, 30.0, 200.0):
            table = np.full((len(INDEX), values.size), F32(others))
            for name in chosen:
                table[INDEX[name]] = values
            rows.append(table)
    rows += [_around(box, one) for boxes in BOXES[4:] for box in boxes for one in box.bounds]
    features = np.concatenate(rows, axis=1)
    features[INDEX["trigger_physics"]] = 1
    outside = np.full((len(INDEX), 1), F32(200))
    return np.concatenate([outside, features], axis=1)


def _around(box: SignalBox, moved: Bound) -> Any:
    """Events in the middle of a box but for one bound, whose features are about and far beyond its edges."""
    marks = [
        edge for edge in (moved.low, moved.low_hidden, moved.high, moved.high_hidden) if np.isfinite(edge)
    ]
    near = [v for mark in marks for v in np.nextafter(F32(mark), np.array([-np.inf, mark, np.inf], F32))]
    values = np.array([*near, -1e30, 1e30, np.nan, np.inf, -np.inf], F32)
    table = np.full((len(INDEX), values.size), F32(200))
    for one in box.bounds:
        low, high = max(one.low, one.high - 2e-2), min(one.high, one.low + 2e-2)
        middle = (low + high) / 2 if np.isfinite(low + high) else (low if np.isfinite(low) else high)
        for name in one.features:
            table[INDEX[name]] = values if one == moved else F32(middle)
    return table


FEATURES = edge_events()


def twin_open(run_type: RunType, trigger: Any, features: Any) -> Any:
    n_events = features.shape[1]
    if run_type in (RunType.CALIBRATION, RunType.BEAM):
        return np.ones(n_events, bool)
    if run_type is RunType.UNKNOWN or trigger is None:
        return np.zeros(n_events, bool)
    return (trigger != 0) & (features[INDEX["trigger_physics"]] == 0)


HIDDEN_FUNCTIONS = (
    "hidden",
    "_hidden",
    "_range",
    "_outside",
    "_beyond",
    "_edges",
    "_safe",
    "is_open",
    "visible_mask",
    "drawn_mask",
    "opened_mask",
    "simulated_mask",
    "_inside",
)
BOX_FUNCTIONS = (
    "rectangle",
    "is_rectangle",
    "low_hidden",
    "high_hidden",
    "contradicts",
    "covers",
    "hides_all_of",
    "of_search",
    "not_outside",
)


BOXES_FUNCTIONS = (
    "boxes_of",
    "check_declared",
    "_check_edges",
    "check_search",
    "_box",
    "_rectangle",
    "_bound",
    "_enlarged",
    "_reaching",
)
RUN_FUNCTIONS = ("contexts_of_runs", "_packaged_setup", "hiding_identity", "setups")
PERIOD_FUNCTIONS = ("shares_runs_with", "unpackaged_runs")

VISIBLE_FUNCTIONS = tuple(
    node.name
    for node in ast.parse(inspect.getsource(visible_events)).body
    if isinstance(node, ast.FunctionDef)
)
VARIED_FUNCTIONS = ("append_varied",)


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


RUNS = (8701, 8704)
"""A set of them is not in order."""


def other_period(period: Period, scale: float = 1.4) -> Period:
    """A period of the user: other energies, another trigger, other counters."""
    setup = period.setup
    return replace(
        period,
        setup=replace(
            setup.with_detectors(
                replace(setup.calorimeter, scale=tuple(scale * one for one in setup.calorimeter.scale)),
                replace(setup.paddles, scale=tuple(2 * one for one in setup.paddles.scale)),
            ),
            physics_trigger_mask=2,
        ),
    )
