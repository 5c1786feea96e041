"""Modules in the working folder and settings of the user for other programs have no say in ours."""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cloudpickle
import dask
import fsspec.config
import matplotlib as mpl
import numba
import numpy as np
import pytest

from na64 import run
from na64.datasets.basics.error_line import error_line
from na64.processors.execution.backends import ExecutorKind, open_backend
from na64.processors.execution.dask_backend import PRELOADS, SETTINGS, DaskBackend, own_settings
from na64.processors.execution.ledger import Partial
from na64.processors.execution.tasks import Done, Task, Work
from na64.run import main

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import this module

ROOT = Path(__file__).parents[1]
TASK = Task(hashlib.sha256().hexdigest(), "run.root", 0, 10)
NAMES = ("signal", "select", "socket", "multiprocessing", "pickle", "argparse", "pathlib", "numpy", "yaml")


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with modules that end whoever takes them for others."""
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name} of the working folder')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    return tmp_path


@pytest.mark.parametrize("kind", [ExecutorKind.PROCESSES, ExecutorKind.DASK])
def test_workers_take_no_module_of_the_working_folder(kind: ExecutorKind, hostile: Path) -> None:
    (hostile / "na64.py").write_text("raise SystemExit('na64 of the working folder')\n")
    work = Work(max_of, 5)
    with open_backend(kind, workers=1) as backend:
        ((_, report),) = backend.map(work, [TASK])
    assert isinstance(report, Done)
    assert kind is ExecutorKind.DASK or "PYTHONSAFEPATH" not in os.environ


def max_of(task: Task, offset: int) -> Partial:
    return Partial({}, {"max": np.array([max(task.stop, offset)])})


@pytest.mark.parametrize(
    ("words", "path"),
    [(["-m", "na64.run"], None), (["-m", "na64.run"], ":"), ([str(ROOT / "run.py")], None)],
    ids=["module", "module, empty PYTHONPATH", "script"],
)
def test_the_program_takes_no_module_of_the_working_folder(
    words: list[str], path: str | None, hostile: Path
) -> None:
    environment = os.environ | ({} if path is None else {"PYTHONPATH": path})
    if path:  # what is imported before our first line cannot be helped
        (hostile / "argparse.py").unlink()
        (hostile / "pathlib.py").unlink()
    line = [sys.executable, *words, "status", "nowhere"]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == "na64: nowhere/result.json: there is no result of na64 process\n"
    assert done.returncode == 2


def test_commands_work_in_the_development_mode_of_python() -> None:
    """It refuses the name of an error handler that awkward misspells."""
    line = [sys.executable, "-X", "dev", "-m", "na64.run", "searches"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_cluster_of_our_own_starts_from_the_defaults_of_dask(caplog: pytest.LogCaptureFixture) -> None:
    theirs = {name: ["not_there.py"] for name in PRELOADS}
    more = {"distributed.comm.default-scheme": "foo", "distributed.worker.memory.terminate": 0.001}
    with dask.config.set({**theirs, **more}), DaskBackend(workers=1) as backend:
        ((_, report),) = backend.map(Work(max_of, 5), [TASK])
        (worker,) = backend.client.run(settings_of_worker).values()
    assert isinstance(report, Done)
    with dask.config.set(own_settings()):
        expected = {name: dask.config.get(name) for name in (*SETTINGS, *theirs, *more)}
    assert {name: worker[name] for name in expected} == expected
    said = [message for message in caplog.messages if "not used" in message]
    assert said == [f"{name} in the settings of Dask is not used: ['not_there.py']" for name in PRELOADS]


def settings_of_worker() -> dict[str, Any]:
    names = (*SETTINGS, *PRELOADS, "distributed.comm.default-scheme", "distributed.worker.memory.terminate")
    return {name: dask.config.get(name) for name in names}


def read_dask(folder: Path) -> None:
    (folder / "dask.yaml").write_text("distributed: [\n")
    dask.config.collect([str(folder)])


def read_fsspec(folder: Path) -> None:
    (folder / "conf.json").write_text('{"file": {')
    fsspec.config.set_conf_files(str(folder), {})


def read_matplotlib(folder: Path) -> None:
    (folder / "matplotlibrc").write_bytes(b"font.size: \xff")
    mpl.rc_params_from_file(folder / "matplotlibrc")


def read_numba(folder: Path) -> None:
    (folder / ".numba_config.yaml").write_text("opt: [\n")
    numba.core.config.reload_config()


@pytest.mark.parametrize("read", [read_dask, read_fsspec, read_matplotlib, read_numba])
def test_settings_that_cannot_be_read_are_named_in_a_line(
    read: Callable[[Path], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        run,
        "_parser_of_all_calls",
        lambda: SimpleNamespace(
            parse_args=lambda _argv: SimpleNamespace(debug=False, verb=lambda _options: read(tmp_path))
        ),
    )
    with caplog.at_level(logging.CRITICAL):
        assert main([]) in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.lower().startswith(f"na64: settings of {read.__name__.removeprefix('read_')} (")


def test_an_error_of_ours_is_of_nobodys_settings() -> None:
    assert error_line(KeyError("no such run")) == "no such run"
    assert error_line(MemoryError()) == "MemoryError"


@pytest.mark.parametrize("home", ["/proc/none", None])
def test_without_a_home_fonts_are_kept_among_temporary_files(
    home: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("HOME", home or str(tmp_path / "home"))
    with monkeypatch.context() as environment:
        environment.setattr(os, "environ", dict(os.environ))
        run._keep_fonts()
        kept = os.environ.get("MPLCONFIGDIR")
    assert kept == (str(tmp_path / f"na64-{os.getuid()}" / "fonts") if home else None)


def test_warnings_of_other_packages_are_lines_and_numbas_are_not_repeated_by_workers() -> None:
    script = """
import os, subprocess, sys
from na64.run import main

sys.argv = ["na64", "status", "nowhere"]
main()
import numba
print(subprocess.run([sys.executable, "-c", "import numba"], capture_output=True).stderr)
"""
    wrong = {"NUMBA_OPT": "many", "NUMBA_NUM_THREADS": "x\ny"}
    line = [sys.executable, "-c", script]
    done = subprocess.run(line, env=os.environ | wrong, capture_output=True, text=True, check=True)
    *warned, said = sorted(done.stderr.splitlines(), key=lambda one: one.startswith("na64: "))
    assert said == "na64: nowhere/result.json: there is no result of na64 process"
    assert len(warned) == 2
    assert all(one.startswith("warning: Environment variable 'NUMBA_") for one in warned)
    assert done.stdout.splitlines()[-1] == "b''"
