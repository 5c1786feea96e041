from __future__ import annotations

import fcntl
import gc
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from na64.benchmarks.sample import make_sample
from na64.datasets.compiled import jit
from na64.datasets.instrument.columns import Shape
from na64.datasets.synthetic.writers import RunFileFormat
from na64.processors.events import ready_kernels
from na64.processors.events.ready_kernels import stored_variants
from na64.processors.job import build_job
from na64.selections.selection import load_selection

COUNT = """
import sys
from na64.outputs.analysis import counting
from na64.processors.events.ready_kernels import compile_usual
compile_usual(print)
slow = "IPython coffea dask distributed ipywidgets matplotlib pandas vector scipy.linalg numba.np.linalg"
print(*sorted({*slow.split()} & {*sys.modules}))
"""


def test_counting_imports_nothing_that_is_slow_and_not_needed() -> None:
    ready_kernels.compile_usual(print)  # else the other process compiles, which needs more
    ran = subprocess.run([sys.executable, "-c", COUNT], check=True, capture_output=True, text=True)
    assert ran.stdout.splitlines() == [""]


@pytest.mark.parametrize(
    ("layout", "found"), [("hits", (Shape.HITS, "float32")), ("tout2023", (Shape.CELLS, "float64"))]
)
def test_kernels_are_compiled_for_what_files_have(
    layout: str, found: tuple[Shape, str], tmp_path: Path
) -> None:
    catalogue = make_sample(layout, RunFileFormat.TTREE, 20, tmp_path).catalogue()
    job = build_job(catalogue, load_selection("dimuon_2023"))
    assert stored_variants(catalogue.good, job) == (found,)
    remote = [replace(record, path="root://host//run.root") for record in catalogue.good]
    assert stored_variants(remote, job) is None
    Path(catalogue.good[0].path).write_bytes(b"no file")
    assert stored_variants(catalogue.good, job) is None


def test_one_compiles_at_a_time_and_nobody_waits_for_what_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jit, "CACHE_FOLDER", tmp_path)
    order: list[str] = []
    inside, both, go = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        with ready_kernels._one_compiles(None, 1):
            inside.set()
            go.wait()
            order.append("first is done")

    def second() -> None:
        inside.wait()
        with ready_kernels._one_compiles(None, 5):
            order.append("second begins")
            both.set()

    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    both.wait(0.5)  # in vain if it works
    go.set()
    for thread in threads:
        thread.join()
    assert order == ["first is done", "second begins"]
    with (tmp_path / "compiling.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with ready_kernels._one_compiles(None, 1):
            order.append("again")  # would wait for ever
    assert order[-1] == "again"


def test_each_compiles_for_itself_where_no_lock_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jit, "CACHE_FOLDER", tmp_path / "gone")
    with ready_kernels._one_compiles(None, 1):
        pass
    assert not (tmp_path / "gone").exists()


def test_nobody_searches_for_garbage_while_kernels_are_compiled() -> None:
    with ready_kernels._compiling(None):
        assert not gc.isenabled()
        with ready_kernels._compiling(None):
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
