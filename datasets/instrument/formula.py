"""Formulas: features that selections and periods make of others, in a closed grammar, with checked units."""

from __future__ import annotations

import ast
import keyword
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from na64.datasets.basics.names import read_name
from na64.datasets.basics.toml import TomlTable, unknown
from na64.datasets.basics.units import UNITS, unit_of
from na64.datasets.instrument.dimensions import ANY, PLAIN, Dimension, dimension_of
from na64.datasets.instrument.features import KEYWORDS, NUMBERS, Feature
from na64.datasets.instrument.roles import PADDLES

CONSTANTS: dict[str, str] = {"beam_energy": "GeV", "cell_pitch": "mm", f"{PADDLES}_mip": "GeV"}
"""Numbers of every period that formulas may use, with their units."""

FUNCTIONS: dict[str, tuple[int, int]] = {
    "sqrt": (1, 1),
    "abs": (1, 1),
    "min": (2, 20),
    "max": (2, 20),
    "hypot": (2, 3),
    "atan2": (2, 2),
    "where": (3, 3),
}
"""Functions by name: fewest and most arguments."""

_BINARY = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
_LOGIC = {ast.And: "and", ast.Or: "or"}
_YES_OR_NO = {*_COMPARISONS.values(), *_LOGIC.values(), "not"}
_LONGEST = 1000
_DEEPEST = 150
_MOST = 60
_MOST_POWER = 8


class Node(NamedTuple):
    """A step of a formula.

    Attributes
    ----------
    kind : str
        ``number``, ``name``, a function of `FUNCTIONS`, or an operator.
    value : float or str
        Of a number or name; the exponent of ``**``.
    arguments : tuple of Node
    """

    kind: str
    value: float | str = ""
    arguments: tuple[Node, ...] = ()

    def names(self) -> Iterator[str]:
        """Every name in it."""
        if self.kind == "name":
            yield str(self.value)
        for argument in self.arguments:
            yield from argument.names()


@dataclass(frozen=True, slots=True)
class Formula:
    """A feature made of others.

    Attributes
    ----------
    name : str
    unit : str
        A base unit.
    text : str
        ``100 - ecal - hcal``.
    meaning : str
        For people; the formula where none was given.
    """

    name: str
    unit: str
    text: str
    meaning: str

    @property
    def feature(self) -> Feature:
        """What cuts act on."""
        return Feature(self.name, self.unit, self.meaning)

    @property
    def tree(self) -> Node:
        """Its steps."""
        return parse(self.text)

    @property
    def inputs(self) -> frozenset[str]:
        """Features and constants that it names itself."""
        return frozenset(self.tree.names()) - UNITS.keys()


def read_formulas(
    table: TomlTable, features: Mapping[str, Feature], constants: Mapping[str, str] = CONSTANTS
) -> tuple[Formula, ...]:
    """Every ``[[feature]]`` of a selection or a period, each after those that it is made of.

    Parameters
    ----------
    table : TomlTable
    features : mapping of str to Feature
        Which they may be made of.
    constants : mapping of str to str
        Numbers which they may be made of, with their units.

    Raises
    ------
    KeyError
        An unknown name or unit, with the nearest.
    ValueError
        A formula that is none, that adds what has different units, or that is made of itself.
    """
    entries = table.tables("feature", ())
    if len(entries) > _MOST:
        raise ValueError(f"{table.place('feature')}: {len(entries)} formulas, not up to {_MOST}")
    found: dict[str, tuple[Formula, TomlTable]] = {}
    for entry in entries:
        formula = _read(entry, features, constants)
        if formula.name in found:
            raise ValueError(f'{entry.place("name")}: "{formula.name}" is there twice')
        found[formula.name] = formula, entry
    known = {name: feature.unit for name, feature in features.items()}
    known |= {**constants} | {name: formula.unit for name, (formula, _) in found.items()}
    ordered = _in_order(table, {name: formula for name, (formula, _) in found.items()})
    for formula, entry in found.values():
        _check(formula, entry, known)
    return ordered


@lru_cache(maxsize=256)
def parse(text: str) -> Node:
    """Steps of a formula.

    Raises
    ------
    KeyError
        An unknown function.
    ValueError
        A text that is no formula; says what of it is not.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"{len(text)} letters, not up to {_LONGEST}")
    if "#" in text:
        raise ValueError(f'"{text[:60]}" is no formula: what comes after "#" would not count')
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError) as error:
        what = getattr(error, "msg", "") or "nested too deeply"
        raise ValueError(f'"{text[:60]}" is no formula: {what}') from error
    if _depth(tree) > _DEEPEST:
        raise ValueError(f'"{text[:60]}" is nested more than {_DEEPEST} deep')
    return _node(tree)


def _depth(tree: ast.AST) -> int:
    level, depth = [tree], 0
    while level:
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        depth += 1
    return depth


def _read(table: TomlTable, features: Mapping[str, Feature], constants: Mapping[str, str]) -> Formula:
    name, text = read_name(table), table.text("formula")
    taken = {"feature": features, "constant": constants, "function": FUNCTIONS, "key of a cut": KEYWORDS}
    taken |= {"number of an event": NUMBERS}
    for noun, names in taken.items():
        if name in names:
            raise ValueError(f'{table.place("name")}: "{name}" is a {noun} already')
    if keyword.iskeyword(name) or name in UNITS:
        raise ValueError(f'{table.place("name")}: "{name}" cannot be a name in a formula')
    unit = table.text("unit")
    if unit not in UNITS:
        raise KeyError(f"{table.place('unit')}: {unknown('unit', unit, UNITS)}")
    if UNITS[unit].base != unit:
        raise ValueError(f'{table.place("unit")}: "{unit}" is not a base unit, expected "{UNITS[unit].base}"')
    return Formula(name, unit, text.strip(), table.text("meaning", text.strip()))


def _in_order(table: TomlTable, formulas: Mapping[str, Formula]) -> tuple[Formula, ...]:
    """Formulas after those that they are made of, else in the order of the file."""
    try:
        needs = {name: sorted(formula.inputs & formulas.keys()) for name, formula in formulas.items()}
        return tuple(formulas[name] for name in TopologicalSorter(needs).static_order())
    except CycleError as error:
        circle = " of ".join(reversed(error.args[1]))
        raise ValueError(f"{table.place('feature')}: made of themselves: {circle}") from error
    except (KeyError, ValueError):
        return tuple(formulas.values())  # `_check` says of which formula and where


def _check(formula: Formula, table: TomlTable, known: Mapping[str, str]) -> None:
    """Refuse a formula with an unknown name, or of another unit than it says."""
    place = table.place("formula")
    try:
        for name in formula.inputs:
            if name not in known:
                others = {*known, *UNITS} - {formula.name}
                raise KeyError(unknown("name", name, others))
        found = dimension_in(formula.tree, known)
    except (KeyError, ValueError) as error:
        raise type(error)(f"{place}: {error.args[0]}") from error
    if found not in (ANY, dimension_of(formula.unit)):
        raise ValueError(f'{place}: is in {found}, its unit says "{formula.unit}"')


def dimension_in(node: Node, known: Mapping[str, str]) -> Dimension:
    """Dimension of a formula.

    Parameters
    ----------
    node : Node
    known : mapping of str to str
        Unit of each name.

    Raises
    ------
    ValueError
        It adds or compares what has different units.
    """
    if node.kind == "number":
        return ANY
    if node.kind == "name":
        name = str(node.value)
        return dimension_of(known[name] if name in known else UNITS[name].base)
    return _dimension_of_step(node, [dimension_in(argument, known) for argument in node.arguments])


def _dimension_of_step(node: Node, given: list[Dimension]) -> Dimension:
    if node.kind in ("*", "/"):
        return given[0].times(given[1], 1 if node.kind == "*" else -1)
    if node.kind in ("**", "sqrt"):
        return given[0].power(0.5 if node.kind == "sqrt" else float(node.value))
    n_conditions = {"and": len(given), "or": len(given), "not": 1, "where": 1}.get(node.kind, 0)
    _check_conditions(node.kind, given[:n_conditions])
    common = _same(node.kind, given[n_conditions:])
    if node.kind == "atan2":
        return dimension_of("rad")
    return PLAIN if node.kind in _YES_OR_NO else common


def _check_conditions(kind: str, given: list[Dimension]) -> None:
    for one in given:
        if one not in (ANY, PLAIN):
            raise ValueError(f'"{kind}" of something in {one}: expected a comparison')


def _same(kind: str, given: list[Dimension]) -> Dimension:
    """The dimension that all have; a number that is written out takes that of the others."""
    stated = [one for one in given if one != ANY]
    for one in stated:
        if one != stated[0]:
            raise ValueError(f'"{kind}" of something in {stated[0]} and something in {one}')
    return stated[0] if stated else ANY


def _node(node: ast.expr) -> Node:  # noqa: PLR0911 (one case a kind of step)
    match node:
        case ast.Constant(value=value):
            return Node("number", _number(value))
        case ast.Name(id=name):
            return Node("name", name)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _node(operand)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return Node("negative", "", (_node(operand),))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return Node("not", "", (_node(operand),))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return Node("**", _exponent(right), (_node(left),))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return Node(_BINARY[type(op)], "", (_node(left), _node(right)))
        case ast.BoolOp(op=op, values=values):
            return Node(_LOGIC[type(op)], "", tuple(map(_node, values)))
        case ast.Compare(left=left, ops=ops, comparators=others) if all(
            type(op) in _COMPARISONS for op in ops
        ):
            return _comparison([_node(left), *map(_node, others)], [_COMPARISONS[type(op)] for op in ops])
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _call(name, arguments)
    raise ValueError(f'"{ast.unparse(node)[:60]}" is not part of a formula')


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f'"{str(value)[:60]}" is not a number')
    if abs(value) > 1e300 or math.isnan(value):
        raise ValueError(f'"{str(value)[:60]}" is too large a number')
    return float(value)


def _exponent(node: ast.expr) -> float:
    found = _node(node)
    negative = found.kind == "negative"
    number = found.arguments[0] if negative else found
    if number.kind != "number" or number.value not in (0.5, *range(1, _MOST_POWER + 1)):
        raise ValueError(
            f'exponent "{ast.unparse(node)[:60]}": expected 0.5 or a whole number up to {_MOST_POWER}'
        )
    return -float(number.value) if negative else float(number.value)


def _comparison(nodes: list[Node], signs: list[str]) -> Node:
    pairs = tuple(Node(sign, "", (nodes[n], nodes[n + 1])) for n, sign in enumerate(signs))
    return pairs[0] if len(pairs) == 1 else Node("and", "", pairs)


def _call(name: str, arguments: list[ast.expr]) -> Node:
    if name not in FUNCTIONS:
        raise KeyError(unknown("function", name, FUNCTIONS))
    fewest, most = FUNCTIONS[name]
    if not fewest <= len(arguments) <= most:
        expected = str(fewest) if fewest == most else f"{fewest} to {most}"
        raise ValueError(f"{name}: {len(arguments)} arguments, expected {expected}")
    return Node(name, "", tuple(map(_node, arguments)))


def unit_factor(name: str) -> float:
    """Number that the name of a unit stands for: one of it in its base unit."""
    unit = unit_of(name, UNITS[name].base)
    return unit.multiply / unit.divide
