from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from numba.core import config
from numba.core.errors import TypingError

import na64
from na64.datasets.compiled.jit import (
    CACHE_FOLDER,
    cache_folder,
    cache_note,
    digest_of,
    jit,
    jit_lent,
    kernel_digest,
)

PACKAGE = Path(na64.__file__).parent
SOURCES = (
    "processors/kernels/window.py",
    "datasets/compiled/jit.py",
    "datasets/compiled/compiled_files.py",
    "datasets/reading/split_bytes.py",
    "processors/features/compute.py",
    "processors/features/window_arguments.py",
    "processors/features/kernel_arguments.py",
    "processors/features/role_arguments.py",
    "processors/features/tracks.py",
    "processors/features/feature_table.py",
    "processors/features/formulas.py",
    "processors/features/further.py",
    "datasets/instrument/features.py",
    "datasets/instrument/recipes.py",
    "datasets/instrument/spectrometer.py",
)
TABLE = "datasets/instrument/features.toml"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for source in (*SOURCES, TABLE):
        (tmp_path / source).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PACKAGE / source, tmp_path / source)
    return tmp_path


@pytest.mark.parametrize("source", SOURCES)
def test_any_change_of_code_changes_the_digest_and_a_comment_does_not(copy: Path, source: str) -> None:
    before = digest_of(copy)
    text = (copy / source).read_text()
    (copy / source).write_text("# why not\n" + text.replace('"""', '"""Also: ', 1))
    assert digest_of(copy) == before
    (copy / source).write_text(text + "\n_MORE = 1\n")
    assert digest_of(copy) != before


def test_any_change_of_the_table_of_recipes_changes_the_digest(copy: Path) -> None:
    before = digest_of(copy)
    (copy / TABLE).write_text((copy / TABLE).read_text().replace("GeV", "MeV", 1))
    assert digest_of(copy) != before


def test_a_new_kernel_changes_the_digest(copy: Path) -> None:
    before = digest_of(copy)
    (copy / "processors/kernels/another.py").write_text("X = 1\n")
    assert digest_of(copy) != before


def test_compiled_kernels_are_kept_in_a_private_folder_named_by_their_sources(tmp_path: Path) -> None:
    folder = cache_folder((tmp_path,))
    assert folder is not None
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o777 == 0o700
    assert kernel_digest()[:16] in folder.name
    assert numba.__version__ in folder.name
    assert cache_folder((tmp_path,)) == folder


def test_the_bounds_check_switch_has_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "BOUNDSCHECK", 0)
    without = cache_folder((tmp_path,))
    monkeypatch.setattr(config, "BOUNDSCHECK", 1)
    assert cache_folder((tmp_path,)) != without


def test_a_folder_that_cannot_be_made_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert cache_folder((tmp_path / "file",)) is None
    assert cache_folder((tmp_path / "file", tmp_path)) is not None


def test_a_folder_that_others_can_write_is_passed_over(tmp_path: Path) -> None:
    folder = cache_folder((tmp_path,))
    assert folder is not None
    folder.chmod(0o770)
    assert cache_folder((tmp_path,)) is None


def test_the_decorator_leaves_the_cache_of_other_packages_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "CACHE_DIR", "elsewhere")

    @jit
    def same(number: float) -> float:
        return number

    assert same(1.0) == 1.0
    assert config.CACHE_DIR == "elsewhere"
    kernel: Any = same
    assert config.DISABLE_JIT or Path(kernel.called._cache.cache_path).parent == CACHE_FOLDER


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")
def test_kernels_divide_and_add_as_written() -> None:
    @jit
    def divide(a: float, b: float) -> float:
        return a / b

    @jit
    def cancel(a: float, b: float) -> float:
        return (a + b) - a

    assert divide(1.0, 0.0) == np.inf
    assert cancel(1e16, 1.0) == 0.0


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")
def test_a_kernel_that_makes_an_array_has_to_count_who_holds_it() -> None:
    @jit_lent
    def make(size: int) -> int:
        return len(np.empty(size))

    with pytest.raises(TypingError):
        make(3)


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled")
def test_a_line_says_where_compiled_kernels_are_kept_if_it_is_not_where_they_would_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    closed, other = tmp_path / "file", tmp_path / "other"
    assert cache_note(cache_folder((tmp_path,)), (tmp_path,)) == ""
    assert cache_note(cache_folder((tmp_path, closed)), (tmp_path, closed)) == ""
    said = cache_note(cache_folder((closed, other)), (closed, other))
    assert said == f"compiled kernels are kept in {other}: {closed} cannot be made, or is not yours alone"
    nowhere = cache_note(cache_folder((closed,)), (closed,))
    assert nowhere.startswith("compiled kernels are kept nowhere, so that each process compiles them")
    assert nowhere.endswith(f": {closed} cannot be made, or is not yours alone")
    assert "any folder" in cache_note(None, ())
