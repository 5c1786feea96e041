"""The one decorator of all kernels, and where their compiled form is kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

import numba
from numba.core import config

from na64.datasets.basics.cache_folders import make_private, user_caches
from na64.datasets.basics.identity import identity, source_digest
from na64.datasets.compiled.compiled_files import KeptKernel
from na64.datasets.compiled.linked import Kernel

R = TypeVar("R")


@cache
def kernel_digest() -> str:
    """Name everything that turns columns into features, comments and docstrings aside.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    return digest_of(Path(__file__).parents[2])


def digest_of(package: Path) -> str:
    """Name what turns columns into features in the package of a folder.

    One name for all kernels together: a kernel is compiled into those that call it, so that a change of
    one is a change of others.
    """
    callers = [
        package / "processors" / "features" / f"{name}.py"
        for name in (
            *("compute", "feature_table", "further", "formulas"),
            *("window_arguments", "kernel_arguments", "role_arguments", "tracks"),
        )
    ]
    instrument = [
        package / "datasets" / "instrument" / f"{name}.py" for name in ("features", "recipes", "spectrometer")
    ]
    table = hashlib.sha256((package / "datasets" / "instrument" / "features.toml").read_bytes()).hexdigest()
    return identity([source_digest([*kernel_sources(package), *callers, *instrument]), table])


def kernel_sources(package: Path) -> list[Path]:
    """Files of all kernels, and of what compiles them, in the package of a folder."""
    folders = package / "processors" / "kernels", package / "datasets" / "compiled"
    kernels = [path for folder in folders for path in sorted(folder.glob("*.py"))]
    return [*kernels, package / "datasets" / "reading" / "split_bytes.py"]


def cache_folder(parents: tuple[Path, ...]) -> Path | None:
    """Make the folder for compiled kernels in the first of the parents where that is possible.

    numba looks at the file of a kernel only, not at the kernels it calls, nor at the bounds-check switch;
    the name of the folder covers all of them. What is in it is run, so it must be ours alone.

    Parameters
    ----------
    parents : tuple of Path

    Returns
    -------
    Path or None
        None if no parent can be written.
    """
    name = f"{kernel_digest()[:16]}-numba{numba.__version__}-boundscheck{int(bool(config.BOUNDSCHECK))}"
    return next((parent / name for parent in parents if make_private(parent / name)), None)


def _parents() -> tuple[Path, ...]:
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    return (*([Path(chosen)] if chosen else []), *user_caches())


CACHE_FOLDER = cache_folder(_parents())
"""Where compiled kernels are kept, None if nowhere."""


def cache_note(folder: Path | None, parents: tuple[Path, ...]) -> str:
    """Line about where compiled kernels are kept; empty if it is in the first of the parents.

    Parameters
    ----------
    folder : Path or None
        Of `cache_folder` with these parents.
    parents : tuple of Path
    """
    if config.DISABLE_JIT or (folder is not None and folder.parent == parents[0]):
        return ""
    n_tried = len(parents) if folder is None else parents.index(folder.parent)
    tried = " or ".join(map(str, parents[:n_tried])) or "any folder"
    why = f"{tried} cannot be made, or is not yours alone"
    if folder is None:
        return f"compiled kernels are kept nowhere, so that each process compiles them for a minute: {why}"
    return f"compiled kernels are kept in {folder.parent}: {why}"


CACHE_NOTE = cache_note(CACHE_FOLDER, _parents())
"""What a user should know of it."""


def jit(function: Callable[..., R]) -> Callable[..., R]:
    """Compile a kernel: no Python objects, no interpreter lock, IEEE arithmetic in the order written.

    Parameters
    ----------
    function : callable
        Takes contiguous arrays and numbers.

    Returns
    -------
    callable
        Compiled at the first call with each set of argument types.
    """
    return _compile(function)


def jit_lent(function: Callable[..., R]) -> Callable[..., R]:
    """Do as `jit`, for what only looks at arrays that it is given, and makes none.

    Nobody counts who holds an array then: that is a locked instruction for each array at each call and slice,
    and was a fifth of the time of kernels that are called for few events at a time.
    """
    return _compile(function, _nrt=False)


def jit_inline(function: Callable[..., R]) -> Callable[..., R]:
    """Do as `jit`, for what kernels call in their inner loops: it is copied there.

    An array is seven arguments, so that calling a short function costs more than it does.
    """
    return _compile(function, _nrt=False, forceinline=True)


def _compile(function: Callable[..., R], **options: bool) -> Callable[..., R]:
    if config.DISABLE_JIT:
        return function
    always = {"nogil": True, "error_model": "numpy", "fastmath": False, **options}
    return Kernel(function, always, _kept)


def _kept(function: Callable[..., R]) -> KeptKernel | None:
    return KeptKernel(function, CACHE_FOLDER) if CACHE_FOLDER is not None else None
