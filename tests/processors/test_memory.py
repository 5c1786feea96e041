"""Freed memory stays with the process."""

from __future__ import annotations

import platform
import subprocess
import sys

import pyarrow as pa
import pytest

from na64.processors.memory import keep_freed_memory

SCRIPT = """
import resource, sys
from na64.processors.memory import keep_freed_memory
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
