"""The features that the formulas of a selection make of visible events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.formula import Formula, Node, unit_factor

Floats = NDArray[np.float64]
Row = NDArray[np.float32]

_ARITHMETIC = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}
_EXTREMES = {"min": np.minimum, "max": np.maximum}
_COMPARISONS = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}
_BLOCK = 1 << 13


def compute_formulas(
    formulas: Sequence[Formula],
    rows: Mapping[str, Row],
    constants: Mapping[str, float],
    n_events: int,
) -> NDArray[np.float32]:
    """Compute formulas of visible events, each event by itself.

    Everything inside is float64 and rounded once. What is made of something that is not a number is none, a
    comparison too; of ``where`` only the branch that is taken counts. A result that is infinite, or does not
    fit into float32, is not a number either. It passes no cut.

    Parameters
    ----------
    formulas : sequence of Formula
        Each after those that it is made of, which are rounded too.
    rows : mapping of str to (n_events,) float32
        Features by name.
    constants : mapping of str to float
        Of the period.
    n_events : int

    Returns
    -------
    (n_formulas, n_events) float32
    """
    found = np.empty((len(formulas), n_events), np.float32)
    known = dict(rows)
    with np.errstate(all="ignore"):
        for row, formula in zip(found, formulas, strict=True):
            for start in range(0, n_events, _BLOCK):
                block = slice(start, start + _BLOCK)
                inputs = {n: known[n][block].astype(np.float64) for n in formula.inputs if n in known}
                row[block] = _rounded(_value(formula.tree, {**constants, **inputs}))
            known[formula.name] = row
    return found


def _rounded(value: Floats | float) -> Row:
    rounded = np.asarray(value, np.float64).astype(np.float32)
    return np.where(np.isfinite(rounded), rounded, np.float32(np.nan))


def _value(node: Node, known: Mapping[str, Floats | float]) -> Floats | float:
    """Value of a step: (n_events,) float64, or one number for all."""
    if node.kind == "number":
        return float(node.value)
    if node.kind == "name":
        name = str(node.value)
        return known[name] if name in known else unit_factor(name)
    given = [np.asarray(_value(argument, known), np.float64) for argument in node.arguments]
    return _STEPS[node.kind](node, given)


def _arithmetic(node: Node, given: list[Floats]) -> Floats:
    return np.asarray(_ARITHMETIC[node.kind](*given))


def _extreme(node: Node, given: list[Floats]) -> Floats:
    return reduce(_EXTREMES[node.kind], given)


def _compared(node: Node, given: list[Floats]) -> Floats:
    return _known(given, _COMPARISONS[node.kind](*given))


def _logic(node: Node, given: list[Floats]) -> Floats:
    true = [one != 0 for one in given]
    return _known(given, reduce(np.logical_and if node.kind == "and" else np.logical_or, true))


def _power(node: Node, given: list[Floats]) -> Floats:
    (base,), exponent = given, float(node.value)
    # One multiplication after the other is the same on every machine.
    whole = [base] * int(abs(exponent))
    powered = reduce(np.multiply, whole) if whole else np.sqrt(base)
    return np.asarray(1 / powered if exponent < 0 else powered)


def _hypot(_: Node, given: list[Floats]) -> Floats:
    return np.sqrt(reduce(np.add, [one * one for one in given]))


def _where(_: Node, given: list[Floats]) -> Floats:
    condition, one, other = given
    return np.where(np.isnan(condition), np.nan, np.where(condition != 0, one, other))


def _known(given: list[Floats], answer: NDArray[np.bool_]) -> Floats:
    """1 or 0, and not a number where something that was asked about is none."""
    return np.where(reduce(np.logical_or, map(np.isnan, given)), np.nan, answer)


_STEPS: dict[str, Callable[[Node, list[Floats]], Floats]] = {
    **dict.fromkeys(_ARITHMETIC, _arithmetic),
    **dict.fromkeys(_EXTREMES, _extreme),
    **dict.fromkeys(_COMPARISONS, _compared),
    "and": _logic,
    "or": _logic,
    "not": lambda _, given: _known(given, given[0] == 0),
    "negative": lambda _, given: np.negative(given[0]),
    "abs": lambda _, given: np.abs(given[0]),
    "sqrt": lambda _, given: np.sqrt(given[0]),
    "**": _power,
    "hypot": _hypot,
    "atan2": lambda _, given: np.arctan2(given[0], given[1]),
    "where": _where,
}
