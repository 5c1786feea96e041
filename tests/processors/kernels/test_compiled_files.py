"""Compiled kernels on disk, when several processes write them at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core import config

pytestmark = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")

KERNEL = """
from na64.processors.kernels.jit import jit


@jit
def first_half(numbers):
    return numbers[0] / 2
"""
MEET = """
import sys
import time
from pathlib import Path

import numpy as np
from numba.core.caching import IndexDataCacheFile

here, me, n_processes = Path("."), sys.argv[1], int(sys.argv[2])


def together(function):
    def wait_for_the_others(*arguments):
        (here / f"{function.__name__}.{me}").touch()
        while len(list(here.glob(f"{function.__name__}.*"))) < n_processes:
            time.sleep(0.01)
        return function(*arguments)

    return wait_for_the_others


IndexDataCacheFile._save_index = together(IndexDataCacheFile._save_index)
IndexDataCacheFile._save_data = together(IndexDataCacheFile._save_data)
from kernel import first_half

print(first_half(np.array([6], dtype=me)), sum(first_half.called.stats.cache_hits.values()))
"""
TYPES = ("int64", "float64")


def run(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": str(folder)}
    command = [sys.executable, str(folder / "meet.py"), *arguments]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)


def told(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return out.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "kernel.py").write_text(KERNEL)
    (tmp_path / "meet.py").write_text(MEET)
    return tmp_path


def test_processes_that_compile_at_once_do_not_read_code_of_other_types(folder: Path) -> None:
    writers = [run(folder, name, "2") for name in TYPES]
    assert [told(writer) for writer in writers] == ["3.0 0", "3.0 0"]
    readers = [run(folder, name, "0") for name in TYPES]
    assert [told(reader) for reader in readers] == ["3.0 1", "3.0 1"]


@pytest.mark.parametrize("left", [b"", b"\x80\x04\x95"], ids=["nothing", "three bytes"])
def test_code_that_was_cut_off_is_compiled_again(folder: Path, left: bytes) -> None:
    assert told(run(folder, "int64", "0")) == "3.0 0"
    (kept,) = (folder / "cache").rglob("kernel.first_half*.nbc")
    kept.write_bytes(left)
    assert told(run(folder, "int64", "0")) == "3.0 0"
    assert told(run(folder, "int64", "0")) == "3.0 1"
