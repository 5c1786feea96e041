"""Freed memory stays with the process, and what is loaded is not searched for garbage."""

from __future__ import annotations

import platform
import subprocess
import sys

import pyarrow as pa
import pytest

from na64.processors.execution.memory import keep_freed_memory

SCRIPT = """
import resource, sys
from na64.processors.execution.memory import keep_freed_memory
if "keep" in sys.argv:
    keep_freed_memory()
def fill():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    b"x" * (1 << 26)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
fill()
print(fill())
"""


def page_faults(*arguments: str) -> int:
    command = [sys.executable, "-c", SCRIPT, *arguments]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_memory_that_was_freed_is_used_again_without_asking_for_pages() -> None:
    assert page_faults() > 10_000
    assert page_faults("keep") < 100


def test_it_may_be_called_anywhere_and_twice() -> None:
    keep_freed_memory()
    keep_freed_memory()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_arrow_takes_its_memory_from_there_too() -> None:
    keep_freed_memory()
    assert pa.default_memory_pool().backend_name == "system"


GARBAGE = """
import gc, weakref
from na64.processors.execution.memory import collect_garbage, spare_what_is_loaded
class Knot:
    def __init__(self):
        self.own = self
gc.disable()  # only what is asked for is collected
before = weakref.ref(Knot())
collect_garbage()
spare_what_is_loaded()
spared = gc.get_freeze_count()
after = weakref.ref(Knot())
collect_garbage()
spare_what_is_loaded()
assert before() is None, "garbage was spared"
assert spared > 1000, spared
assert len(gc.get_objects()) < spared / 10
assert gc.get_freeze_count() <= spared, "spared twice"
assert after() is not None
gc.collect()
assert after() is None, "garbage is not collected any more"
"""


def test_what_is_loaded_is_spared_once_and_garbage_is_not() -> None:
    subprocess.run([sys.executable, "-c", GARBAGE], check=True)
