"""What went wrong, in one line for a person."""

from __future__ import annotations

import traceback

from na64.datasets.basics.addresses import without_secrets
from na64.datasets.basics.named import without_middle

_LONGEST = 600

_READERS = {
    "dask/config.py": "settings of Dask (DASK_..., ~/.config/dask)",
    "fsspec/config.py": "settings of fsspec (FSSPEC_..., ~/.config/fsspec)",
    "matplotlib/__init__.py": "settings of matplotlib (matplotlibrc)",
    "numba/core/config.py": "settings of numba (NUMBA_..., .numba_config.yaml)",
}
"""Where packages read what the user has set for them, whatever program it was meant for."""


def error_line(problem: BaseException) -> str:
    """Return the text of an exception: of a KeyError without its quotes, of an OSError its file first.

    One that is too long loses its middle: what it is about stands first, and what was expected last.
    """
    text = str(problem) or type(problem).__name__
    if isinstance(problem, KeyError) and problem.args:
        text = str(problem.args[0])
    elif isinstance(problem, OSError) and problem.strerror and problem.filename is not None:
        text = f"{problem.filename}: {problem.strerror}"
    source = settings_of(problem)
    line = without_secrets(" ".join(f"{source}: {text}".split() if source else text.split()))
    return without_middle(line, _LONGEST)


def settings_of(problem: BaseException) -> str:
    """Whose settings could not be read, if that is what went wrong; empty if it is not."""
    for frame in reversed(traceback.extract_tb(problem.__traceback__)):
        for file, source in _READERS.items():
            if frame.filename.endswith(f"/{file}"):
                return source
    return ""
