"""Does a test notice when a guard is gone? Each guard of some modules is taken out, one at a time.

Run as a program for a list of what nobody noticed: ``python tests/torture/guards.py [MODULE...]``.
"""

from __future__ import annotations

import ast
import copy
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[2]
LONGEST = 180.0
"""Seconds; tests that take longer have noticed."""

_FILES = ["tests/datasets/test_catalogue.py", "tests/datasets/test_spans.py"]
_EXECUTOR, _BACKENDS = "tests/processors/test_executor.py", "tests/processors/test_backends.py"
_NO_CLUSTER = ["-k", "not dask and not Dask and not ctrl_c"]
NEAREST: dict[str, list[str]] = {
    "datasets/records.py": _FILES,
    "datasets/overlap.py": _FILES,
    "datasets/inputs.py": _FILES,
    "datasets/spans.py": _FILES,
    "datasets/catalogue.py": _FILES,
    "datasets/catalogue_file.py": _FILES,
    "datasets/inspection.py": [*_FILES, "tests/datasets/test_inspection.py"],
    "datasets/exposure.py": ["tests/datasets/test_exposure.py"],
    "processors/ledger.py": ["tests/processors/test_ledger.py"],
    "processors/tasks.py": ["tests/processors/test_tasks.py"],
    "processors/executor.py": [_EXECUTOR, *_NO_CLUSTER],
    "processors/backends.py": [_BACKENDS, *_NO_CLUSTER],
}
"""Tests that have to notice, by module."""

_CHECKS = re.compile(r"check|verify|decode|fsync|sync|unlink|put|join|kill|close")
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

    def __str__(self) -> str:
        return f"{self.module}:{self.line} {self.change}"


def mutants(module: str, source: str) -> Iterator[Mutant]:
    """Yield every variant of a module that has one guard less, or one bent."""
    tree = ast.parse(source)
    for number, node in enumerate(ast.walk(tree)):
        for change, edit in _edits(node):
            changed = copy.deepcopy(tree)
            edit(next(found for n, found in enumerate(ast.walk(changed)) if n == number))
            text = ast.unparse(ast.fix_missing_locations(changed))
            yield Mutant(module, getattr(node, "lineno", 0), change, text)


def _edits(node: ast.AST) -> Iterator[tuple[str, Callable[..., None]]]:
    if isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise | ast.Return | ast.Continue):
        yield f"never: if {_short(node.test)}", _never
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        yield from _conditions(node.test)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _CHECKS.search(_name(node.value)):
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
    return lambda node: edit(list(ast.walk(node.test))[place])


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


def _name(call: ast.Call) -> str:
    return ast.unparse(call.func)


def _short(node: ast.AST | None) -> str:
    return " ".join(ast.unparse(node).split())[:70] if node is not None else ""


class Bench:
    """A copy of the package in which one module at a time is replaced.

    Parameters
    ----------
    folder : Path
        Empty; the copy goes into it.
    """

    def __init__(self, folder: Path) -> None:
        self._package = folder / "na64"
        kept_out = shutil.ignore_patterns(".*", "results", "build", "*.egg-info", "__pycache__", "docs")
        shutil.copytree(PACKAGE, self._package, ignore=kept_out)
        self._folder = folder

    def notices(self, mutant: Mutant, tests: list[str]) -> bool:
        """Tell if a test fails with a changed module."""
        path = self._package / mutant.module
        original = path.read_text()
        path.write_text(mutant.source)
        try:
            return self._fails(tests)
        finally:
            path.write_text(original)

    def _fails(self, tests: list[str]) -> bool:
        """Run tests in a fork, which saves the imports of other packages every time."""
        pid = os.fork()
        if pid == 0:
            self._run(tests)
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                return status != 0
            time.sleep(0.02)
        os.killpg(pid, signal.SIGKILL)  # a group of its own, see _run
        os.waitpid(pid, 0)
        return True

    def _run(self, tests: list[str]) -> None:
        code = 1
        try:
            os.setsid()
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, 1)
            os.dup2(nothing, 2)
            os.environ |= {"PYTHONPATH": str(self._folder), "PYTHONDONTWRITEBYTECODE": "1"}
            sys.dont_write_bytecode = True
            sys.path.insert(0, str(self._folder))
            os.chdir(self._package)
            import pytest  # noqa: PLC0415

            scratch = str(self._folder / "scratch")
            code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--basetemp", scratch, *tests]))
        finally:
            sys.stdout.flush()
            os._exit(code)


def survivors(modules: list[str], folder: Path, tell: Callable[[str], None]) -> tuple[int, list[Mutant]]:
    """Try every mutant of some modules; return their number and those that no test noticed.

    Raises
    ------
    RuntimeError
        The tests fail without any change.
    """
    for name in ("awkward", "distributed", "numba", "pyarrow.parquet", "pytest", "uproot"):
        __import__(name)
    bench = Bench(folder)
    total, alive = 0, []
    for module in modules:
        source, tests = (PACKAGE / module).read_text(), NEAREST[module]
        tests = [test for test in tests if test[0] != "t" or (PACKAGE / test).exists() or "/" not in test]
        if bench.notices(Mutant(module, 0, "nothing", source), tests):
            raise RuntimeError(f"the tests of {module} fail without any change")
        for mutant in mutants(module, source):
            total += 1
            if not bench.notices(mutant, tests):
                alive.append(mutant)
                tell(f"alive: {mutant}")
        tell(f"{module}: {total} so far, {len(alive)} alive")
    return total, alive


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        lines: Callable[[str], None] = lambda line: print(line, flush=True)  # noqa: E731, T201
        found, left = survivors(sys.argv[1:] or list(NEAREST), Path(name), lines)
    print(f"{found - len(left)} of {found} noticed: {1 - len(left) / found:.1%}")  # noqa: T201
