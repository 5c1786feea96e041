"""A fresh environment with the program and the packages of a bundle."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_OURS = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "NA64_PERIODS", "PIP_TARGET", "PIP_PREFIX", "PIP_USER")
"""Variables that would bring something else into the environment, or the job."""

_NOT_REACHED = ("NewConnectionError", "ConnectTimeout", "name resolution", "(from versions: none)")
"""What pip says where no index answers; one that has no version at all of a package is most often none."""


class EnvironmentProblemError(RuntimeError):
    """The environment could not be made; the message says why."""


def make_environment(folder: Path, *, lock: Path, wheel: Path) -> Path:
    """Python of a new virtual environment with locked packages, then the program, and nothing else.

    Parameters
    ----------
    folder : Path
        Where it is made.
    lock : Path
        Lines ``name==version``.
    wheel : Path
        The program.

    Raises
    ------
    EnvironmentProblemError
        Packages cannot be fetched or installed, or this Python makes no environments.
    """
    python = folder / "bin" / "python"
    _run([sys.executable, "-m", "venv", str(folder)], "a virtual environment cannot be made")
    install = [str(python), "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    _run([*install, "--requirement", str(lock)], "the packages of the bundle cannot be installed")
    _run([*install, "--no-deps", "--no-index", str(wheel)], "the program of the bundle cannot be installed")
    return python


def run_program(python: Path, arguments: Sequence[str]) -> int:
    """Exit code of the program of an environment, which prints what it prints."""
    # -I: nothing of the working folder, of the user's packages or of PYTHON... variables.
    return subprocess.run(
        [str(python), "-I", "-m", "na64.run", *arguments], env=_clean(), check=False
    ).returncode


def _run(command: Sequence[str], what: str) -> None:
    done = subprocess.run(command, env=_clean(), check=False, capture_output=True, text=True)
    if done.returncode:
        said = f"{done.stderr}\n{done.stdout}"
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        why = next(
            (line for line in lines if line.startswith("ERROR")), lines[-1] if lines else "no reason given"
        )
        if any(word in said for word in _NOT_REACHED):
            why = "no network, or an index that has none of them"
        raise EnvironmentProblemError(f"{what}: {why}; --here uses the packages that are installed")


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _OURS}
