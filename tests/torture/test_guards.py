"""Every guard of the catalogue, the ledger and the executor has a test that notices when it is gone."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LEAST = 0.9
"""Of the guards of all modules, and of those of each module that a test can notice."""

_TALLY = re.compile(r"(\S+): (\d+) of (\d+) noticed \(.*\), (\d+) equivalent, \d+ left")


def test_what_is_called_equivalent_is_still_a_mutant() -> None:
    guards = runpy.run_path(str(HERE / "guards.py"))
    found = {
        mutant.name
        for module in {name.partition(" ")[0] for name in guards["EQUIVALENT"]}
        for mutant in guards["mutants"](module, (guards["PACKAGE"] / module).read_text())
    }
    assert set(guards["EQUIVALENT"]) <= found


def test_every_module_is_there_and_has_its_tests() -> None:
    guards = runpy.run_path(str(HERE / "guards.py"))
    for module, tests in guards["NEAREST"].items():
        assert (guards["PACKAGE"] / module).is_file()
        assert all((guards["PACKAGE"] / test).is_file() for test in tests if test.endswith(".py"))


@pytest.mark.soak
def test_a_guard_that_is_gone_is_noticed(tell: Callable[[str, str, str], None]) -> None:
    modules = os.environ.get("NA64_GUARDS", "").split()
    command = [sys.executable, str(HERE / "guards.py"), *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    tallies = [found for line in done.stdout.splitlines() if (found := _TALLY.fullmatch(line))]
    for found in tallies:
        tell(f"guards taken out: {found[1]}", "NOTICED", found[0].removeprefix(f"{found[1]}: "))
    for name, *numbers in (found.groups() for found in tallies):
        noticed, total, equivalent = map(int, numbers)
        assert noticed >= LEAST * (total if name == "all" else total - equivalent), f"{name}\n{done.stdout}"
    assert tallies[-1][1] == "all"
