"""Searches for garbage, which begin again after imports and leave out only what these have made."""

from __future__ import annotations

import subprocess
import sys

CALLS = """
import gc
import weakref

from na64.datasets.basics.garbage import imports

with imports():
    import colorsys
assert gc.get_freeze_count() and gc.isenabled()


class Result:
    pass


collected = []
for _ in range(3):
    with imports():
        import colorsys
    result = Result()
    result.own = result
    weakref.finalize(result, collected.append, 1)
    del result
with imports():
    import colorsys
gc.collect()
assert len(collected) == 3, collected
"""


def test_what_later_calls_leave_behind_is_collected() -> None:
    subprocess.run([sys.executable, "-c", CALLS], check=True, timeout=100)
