"""Every guard of the catalogue, the ledger and the executor has a test that notices when it is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LEAST = 0.9


@pytest.mark.soak
def test_a_guard_that_is_gone_is_noticed(tell: Callable[[str, str, str], None]) -> None:
    modules = os.environ.get("NA64_GUARDS", "").split()
    command = [sys.executable, str(HERE / "guards.py"), *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *lines, last = done.stdout.splitlines()
    tell("guards taken out", "NOTICED", last)
    noticed, _, total, *_ = last.split()
    assert int(noticed) >= LEAST * int(total), "\n".join(lines)
