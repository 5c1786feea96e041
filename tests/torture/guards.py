"""Does a test notice when a guard is gone? Each guard of some modules is taken out, one at a time.

Run as a program for a list of what nobody noticed: ``guards.py [MODULE[:FIRST-LAST]...]``, with numbers of
lines.
"""

from __future__ import annotations

import json
import os
import resource
import runpy
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from na64.tests.torture.guard_mutants import Mutant

mutants: Callable[[str, str], Iterator[Mutant]] = runpy.run_path(
    str(Path(__file__).with_name("guard_mutants.py")), run_name="guard_mutants"
)["mutants"]

PACKAGE = Path(__file__).parents[2]
LONGEST = 20.0
"""Seconds more than a test needs without a change (thrice, by the clock): then it has noticed."""

_FILES = [
    f"tests/datasets/{name}.py"
    for name in (
        "catalogue/test_build",
        "catalogue/test_catalogue_file",
        "catalogue/test_inputs",
        "catalogue/test_inspection",
        "catalogue/test_geometry",
        "catalogue/test_layouts_of_ones_own",
        "catalogue/test_overlap",
        "conditions/test_reconstruction",
        "basics/test_run_ranges",
        "catalogue/test_pending_files",
    )
]
_EXECUTOR, _INTERRUPTED, _BACKENDS, _MEMORY = (
    f"tests/processors/execution/test_{name}.py"
    for name in ("executor", "interrupted_drivers", "backends", "worker_memory")
)
_LOADED = "ignore::pytest.PytestAssertRewriteWarning"  # of what is imported once, before all runs
_OPTIONS = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-W", _LOADED]
_NO_CLUSTER = ["-k", "not dask and not ctrl_c"]
NEAREST: dict[str, list[str]] = {
    "datasets/catalogue/records.py": _FILES,
    "datasets/catalogue/overlap.py": _FILES,
    "datasets/catalogue/inputs.py": _FILES,
    "datasets/basics/run_ranges.py": _FILES,
    "datasets/catalogue/build.py": _FILES,
    "datasets/catalogue/catalogue_file.py": _FILES,
    "datasets/catalogue/inspection.py": _FILES,
    "datasets/catalogue/pending_files.py": _FILES,
    "datasets/catalogue/rechecking.py": _FILES,
    "datasets/catalogue/triggers.py": ["tests/datasets/catalogue/test_triggers.py", "-k", "not file_missing"],
    "datasets/conditions/exposure.py": ["tests/datasets/conditions/test_exposure.py"],
    "processors/execution/ledger.py": ["tests/processors/execution/test_ledger.py"],
    "processors/execution/tasks.py": ["tests/processors/execution/test_tasks.py"],
    "processors/execution/executor.py": [_EXECUTOR, _INTERRUPTED, *_NO_CLUSTER],
    "processors/execution/processes.py": [
        _BACKENDS,
        _MEMORY,
        _EXECUTOR,
        _INTERRUPTED,
        "-k",
        "not dask or without_dask",
    ],
}
"""Tests that have to notice, by module; not that of Dask, whose tests start a cluster each time."""

_SAME_EVENTS = "only saves time: files that are apart have no event in common"
_UNREACHABLE = "only says so: Python closes what nothing refers to any more"
_POOL = "processors/execution/processes.py"
EQUIVALENT = {
    "datasets/catalogue/overlap.py never: if keys[-1] < other[0] or other[-1] < keys[0]": _SAME_EVENTS,
    "datasets/catalogue/overlap.py and/or: keys[-1] < other[0] or other[-1] < keys[0]": _SAME_EVENTS,
    f"{_POOL} gone: theirs.close()": _UNREACHABLE,
    f"{_POOL} gone: self._process.close()": _UNREACHABLE,
    f"{_POOL} flipped: process.age() > self._deadline": "no clock stops at the deadline",
    f"{_POOL} never: if process.task is None": "cannot be: only busy processes are waited for",
}
"""Changes that no test can notice, and why; to be taken off this list when they are noticed."""


class Watch:
    """A plug-in of pytest that notes which lines of a package each test goes through, and its time."""

    def __init__(self, package: Path, notes: Path) -> None:
        self._modules = {str(package / module): module for module in NEAREST}
        self._notes = notes
        self._seen: dict[str, tuple[float, list[str]]] = {}
        self._lines: set[str] = set()

    def _trace(self, frame: FrameType, _event: str, _argument: object) -> Callable[..., Any] | None:
        module = self._modules.get(frame.f_code.co_filename)
        if module is None:
            return None
        self._lines.add(f"{module}:{frame.f_lineno}")
        return self._trace

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Watch one test."""
        self._lines, start = set(), time.monotonic()
        threading.settrace(self._trace)
        sys.settrace(self._trace)
        passed = yield
        sys.settrace(None)
        self._seen[item.nodeid] = (time.monotonic() - start, sorted(self._lines))
        return passed

    def pytest_sessionfinish(self) -> None:
        """Write what was seen."""
        self._notes.write_text(json.dumps(self._seen))


class Nearest:
    """A plug-in of pytest that begins with the tests that go through a line, the quickest first.

    A test that hangs ends the process. The notes are those of `Watch`.
    """

    def __init__(self, place: str, notes: Path) -> None:
        self._seen: dict[str, tuple[float, list[str]]] = json.loads(notes.read_text())
        self._place = place

    def _rank(self, item: pytest.Item) -> tuple[bool, float]:
        seconds, lines = self._seen.get(item.nodeid, (0.0, []))
        return self._place not in lines, seconds

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Bring the tests into their order."""
        items.sort(key=self._rank)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Let the process be ended by an alarm when a test hangs."""
        _, seconds = self._rank(item)
        signal.alarm(int(LONGEST + 3 * seconds))
        passed = yield
        signal.alarm(int(LONGEST))  # for what is torn down in the end
        return passed


class Bench:
    """A copy of the package, in an empty folder, in which one module at a time is replaced."""

    def __init__(self, folder: Path) -> None:
        self._package = folder / "na64"
        kept_out = shutil.ignore_patterns(".*", "results", "build", "*.egg-info", "__pycache__", "docs")
        shutil.copytree(PACKAGE, self._package, ignore=kept_out)
        self._folder = folder
        self._notes = folder / "notes.json"
        self._tests: list[str] = []

    def prepare(self, tests: list[str]) -> None:
        """Run tests without any change, unless that was what was run last.

        Raises
        ------
        RuntimeError
            They fail.
        """
        if tests == self._tests:
            return
        self._tests = tests
        if self._fails(Watch(self._package, self._notes)):
            raise RuntimeError(f"{' '.join(tests)}: fail without any change")

    def mutants(self, module: str) -> Iterator[Mutant]:
        """Yield the variants of a module as it was when it was copied."""
        return mutants(module, (self._package / module).read_text())

    def notices(self, mutant: Mutant) -> bool:
        """Tell if one of these tests fails with a changed module."""
        path = self._package / mutant.module
        original = path.read_text()
        path.write_text(mutant.source)
        try:
            return self._fails(Nearest(mutant.place, self._notes))
        finally:
            path.write_text(original)

    def _fails(self, plugin: Watch | Nearest) -> bool:
        """Run tests in a fork, which saves the imports of other packages every time."""
        pid = os.fork()
        if pid == 0:
            self._run(plugin)
        _, status = os.waitpid(pid, 0)
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)  # what it has left behind: a group of its own, see _run
        return status != 0

    def _run(self, plugin: Watch | Nearest) -> None:
        code = 1
        try:
            os.setsid()
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, 1)
            os.dup2(nothing, 2)
            os.environ["PYTHONPATH"] = str(self._folder)
            if isinstance(plugin, Nearest):  # what has been compiled of a mutant must not outlive it
                os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
                sys.dont_write_bytecode = True
            sys.path.insert(0, str(self._folder))
            os.chdir(self._package)
            scratch = ["--basetemp", str(self._folder / "scratch")]
            code = int(pytest.main([*_OPTIONS, *scratch, *self._tests], plugins=[plugin]))
        finally:
            sys.stdout.flush()
            os._exit(code)


@dataclass
class Tally:
    """What came of the mutants of a module."""

    n_mutants: int = 0
    n_noticed: int = 0
    n_equivalent: int = 0

    @property
    def n_left(self) -> int:
        """Number of those that nobody noticed and that are not equivalent."""
        return self.n_mutants - self.n_noticed - self.n_equivalent

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.n_mutants + other.n_mutants,
            self.n_noticed + other.n_noticed,
            self.n_equivalent + other.n_equivalent,
        )

    def __str__(self) -> str:
        return (
            f"{self.n_noticed} of {self.n_mutants} noticed ({self.n_noticed / max(self.n_mutants, 1):.1%}), "
            f"{self.n_equivalent} equivalent, {self.n_left} left"
        )


def try_module(module: str, lines: range, bench: Bench, tell: Callable[[str], None]) -> Tally:
    """Try every mutant of some lines of a module."""
    bench.prepare(NEAREST[module])
    tally = Tally()
    for mutant in (found for found in bench.mutants(module) if found.line in lines):
        noticed, equivalent = bench.notices(mutant), mutant.name in EQUIVALENT
        tally += Tally(1, noticed, equivalent and not noticed)
        if equivalent or not noticed:
            tell(f"{'equivalent' if equivalent else 'alive'}{' but noticed' * noticed}: {mutant}")
    tell(f"{module}: {tally}")
    return tally


def _wanted(argument: str) -> tuple[str, range]:
    module, _, lines = argument.partition(":")
    first, _, last = lines.partition("-")
    return module, range(int(first), int(last) + 1) if lines else range(1_000_000)


def main(arguments: list[str], tell: Callable[[str], None]) -> None:
    """Try modules, by default all, and tell what nobody noticed."""
    for name in ("awkward", "distributed", "hypothesis", "numba", "pyarrow.parquet", "uproot"):
        __import__(name)
    total = Tally()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for argument in arguments or NEAREST:
            total += try_module(*_wanted(argument), bench, tell)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    tell(f"{(used.ru_utime + used.ru_stime) / 60:.1f} min of CPU")
    tell(f"all: {total}")


if __name__ == "__main__":
    main(sys.argv[1:], lambda line: print(line, flush=True))  # noqa: T201
