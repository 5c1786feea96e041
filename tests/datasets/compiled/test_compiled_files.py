"""Compiled kernels on disk, when several processes write them at once."""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numba.core import config
from numba.core.errors import NumbaWarning

from na64.datasets.compiled.compiled_files import FilesByTypes, KeptKernel
from na64.datasets.compiled.linked import Kernel

pytestmark = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")

KERNEL = """
from na64.datasets.compiled.jit import jit


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
CODE = "code" * 100
TABLE = np.zeros(1_000_000)


def half(number: int) -> float:
    return number / 2


def last_of_table() -> float:
    return float(TABLE[-1])


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


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "three bytes": lambda content: content[:3],
    "cut off": lambda content: content[:-100],
    "a bit": flipped,
    "another file": lambda _: pickle.dumps({"not": "code"}),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=list(DAMAGE))
def test_code_that_is_damaged_is_not_taken(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    files, own = saved(tmp_path, "own")
    own.write_bytes(damage(own.read_bytes()))
    assert files.load("types") is None


def test_code_that_is_damaged_is_compiled_again(folder: Path) -> None:
    assert told(run(folder, "int64", "0")) == "3.0 0"
    (kept,) = (folder / "cache").rglob("kernel.first_half*.nbc")
    kept.write_bytes(flipped(kept.read_bytes()))
    assert told(run(folder, "int64", "0")) == "3.0 0"
    assert told(run(folder, "int64", "0")) == "3.0 1"


def saved(folder: Path, name: str) -> tuple[FilesByTypes, Path]:
    files = FilesByTypes(str(folder), name, "stamp")
    files.save("types", CODE)
    return files, Path(files._data_path(files._name_of("types")))


def test_code_of_another_kernel_is_not_taken(tmp_path: Path) -> None:
    (files, own), (_, other) = (saved(tmp_path, name) for name in ("own", "other"))
    assert files.load("types") == CODE
    own.write_bytes(other.read_bytes())
    assert files.load("types") is None


def test_kernels_run_where_they_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def is_full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(FilesByTypes, "save", is_full)
    for number in (1, 2):
        kernel = Kernel(half, {}, partial(KeptKernel, folder=tmp_path))
        assert kernel(number) == number / 2
    (told_once,) = caplog.messages
    assert told_once.endswith("No space left on device")
    assert str(tmp_path) in told_once


def test_a_kernel_with_a_large_table_is_not_kept(tmp_path: Path) -> None:
    with pytest.warns(NumbaWarning, match="Cannot cache"):
        assert Kernel(last_of_table, {}, partial(KeptKernel, folder=tmp_path))() == 0
