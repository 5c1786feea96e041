"""Copies of a module with one of its guards changed or taken out."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_CHECKS = re.compile(r"check|verify|decode|fsync|sync|unlink|put|join|kill|close|done|limit|mask|ensure")
_FLIPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}


@dataclass(frozen=True)
class Mutant:
    """A module with one guard changed."""

    module: str
    line: int
    change: str
    source: str

    @property
    def name(self) -> str:
        """What is changed, wherever it stands now."""
        return f"{self.module} {self.change}"

    @property
    def place(self) -> str:
        """Module and line."""
        return f"{self.module}:{self.line}"

    def __str__(self) -> str:
        return f"{self.place} {self.change}"


def mutants(module: str, source: str) -> Iterator[Mutant]:
    """Yield every variant of a module that has one guard less, or one bent."""
    tree = ast.parse(source)
    seen = {ast.unparse(tree)}
    for number, node in enumerate(ast.walk(tree)):
        for change, edit in _edits(node):
            changed = copy.deepcopy(tree)
            edit(next(found for n, found in enumerate(ast.walk(changed)) if n == number))
            text = ast.unparse(ast.fix_missing_locations(changed))
            if text not in seen:
                seen.add(text)
                yield Mutant(module, _line(node), change, text)


def _line(node: ast.AST) -> int:
    return node.target.lineno if isinstance(node, ast.comprehension) else getattr(node, "lineno", 0)


def _edits(node: ast.AST) -> Iterator[tuple[str, Callable[..., None]]]:
    if isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise | ast.Return | ast.Continue):
        yield f"never: if {_short(node.test)}", _never
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        yield from _conditions(node.test)
    if isinstance(node, ast.Return) and node.value is not None:
        yield from _conditions(node.value)
    if isinstance(node, ast.comprehension):
        for place, condition in enumerate(node.ifs):
            yield f"all: if {_short(condition)}", _all(place)
    if isinstance(node, ast.Expr) and _is_check(node.value):
        yield f"gone: {_short(node)}", _gone
    if isinstance(node, ast.ExceptHandler):
        yield f"not caught: {_short(node.type)}", _uncaught


def _conditions(test: ast.expr) -> Iterator[tuple[str, Callable[..., None]]]:
    parts = list(ast.walk(test))
    for place, part in enumerate(parts):
        if isinstance(part, ast.Compare) and type(part.ops[0]) in _FLIPPED:
            yield f"flipped: {_short(part)}", _at(place, _flip)
        if isinstance(part, ast.BoolOp):
            yield f"and/or: {_short(part)}", _at(place, _exchange)


def _at(place: int, edit: Callable[..., None]) -> Callable[..., None]:
    def change(node: ast.AST) -> None:
        condition = getattr(node, "value" if isinstance(node, ast.Return) else "test")
        edit(list(ast.walk(condition))[place])

    return change


def _all(place: int) -> Callable[..., None]:
    return lambda node: node.ifs.pop(place)


def _never(node: ast.If) -> None:
    node.test = ast.Constant(False)


def _gone(node: ast.Expr) -> None:
    node.value = ast.Constant(None)


def _flip(node: ast.Compare) -> None:
    node.ops[0] = _FLIPPED[type(node.ops[0])]()


def _exchange(node: ast.BoolOp) -> None:
    node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()


def _uncaught(node: ast.ExceptHandler) -> None:
    node.body = [ast.Raise()]


def _is_check(value: ast.expr) -> bool:
    """Tell if a value that is thrown away was asked for because asking may fail."""
    if isinstance(value, ast.Call):
        return _CHECKS.search(ast.unparse(value.func)) is not None
    return isinstance(value, ast.BinOp)


def _short(node: ast.AST | None) -> str:
    return " ".join(ast.unparse(node).split())[:70] if node is not None else ""
