"""A driver in a process of its own that is interrupted or killed."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_DRIVER = """
import hashlib, os, signal, sys, threading, time
from pathlib import Path
from na64.processors.execution.backends import ExecutorKind, open_backend
from na64.processors.execution.executor import run
from na64.processors.execution.ledger import Ledger, Partial
from na64.processors.execution.tasks import Task, Work

def perform(task, hang):
    if hang == "hang" and task.start > 2:
        os.write(1, f"{os.getpid()}\\n".encode())
        threading.Event().wait()
    return Partial({"start": task.start})

def tell(done, total, events):
    if done == 3:
        os.write(1, b"three\\n")

def watch():
    while True:  # until the first interrupt was taken in: a second one before would be the same
        closure = getattr(signal.getsignal(signal.SIGINT), "__closure__", None)
        if closure and closure[0].cell_contents.is_set():
            os.write(1, b"taken\\n")
            return
        time.sleep(0.01)

def main():
    if sys.argv[4] == "hang":
        threading.Thread(target=watch, daemon=True).start()
    kind, folder, n_tasks, hang = sys.argv[1:]
    keys = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(int(n_tasks))]
    tasks = [Task(key, "run.root", number, number + 1) for number, key in enumerate(keys)]
    try:
        with open_backend(ExecutorKind(kind), workers=2) as backend:
            outcome = run(tasks, Work(perform, hang), backend, Ledger(folder), progress=tell)
    except KeyboardInterrupt:
        sys.exit(130)
    print(len(outcome.results), outcome.n_resumed, len(outcome.failures), flush=True)
    sys.exit(130 if outcome.interrupted else 0)

if __name__ == "__main__":
    main()
"""


@contextmanager
def _driver(kind: str, folder: Path, n_tasks: int, hang: str = "") -> Iterator[subprocess.Popen[str]]:
    script = folder.parent / "driver.py"
    script.write_text(_DRIVER)
    command = [sys.executable, "-W", "error", str(script), kind, str(folder), str(n_tasks), hang]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def _is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def _children(pid: int) -> list[int]:
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for path in lists for child in path.read_text().split()]


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


KINDS = ["iterative", "processes", "dask"]


@pytest.mark.parametrize("kind", KINDS)
def test_ctrl_c_in_a_terminal_keeps_what_is_done_and_ends_with_130(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    with _driver(kind, folder, 20_000) as process:
        assert _line(process) == "three"
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=600)
    assert process.returncode == 130
    assert err == ""
    n_results, n_resumed, n_failures = map(int, out.split())
    assert 3 <= n_results < 20_000
    assert (n_resumed, n_failures) == (0, 0)
    n_kept = len(list(folder.rglob("*.partial")))
    assert n_kept == n_results
    with _driver(kind, folder, n_results + 5) as process:
        out, err = process.communicate(timeout=600)
    assert (process.returncode, err) == (0, "")
    assert [int(number) for number in out.split() if number != "three"][0::2] == [n_results + 5, 0]


@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_second_ctrl_c_ends_at_once_and_leaves_no_process(kind: str, tmp_path: Path) -> None:
    with _driver(kind, tmp_path / "ledger", 100, "hang") as process:
        lines = {_line(process) for _ in range(3)}
        assert "three" in lines
        pids = [int(line) for line in lines - {"three"}]
        assert len(pids) == 2
        assert all(map(_is_alive, pids))
        os.killpg(process.pid, signal.SIGINT)
        assert _line(process) == "taken"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        os.killpg(process.pid, signal.SIGINT)
        process.wait(600)
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 130
    assert not any(map(_is_alive, pids))


@pytest.mark.parametrize("kind", KINDS[1:])
def test_workers_leave_with_a_driver_that_is_killed_even_in_the_middle_of_a_task(
    kind: str, tmp_path: Path
) -> None:
    with _driver(kind, tmp_path / "ledger", 100, "hang") as process:
        pids = [int(line) for line in (_line(process) for _ in range(3)) if line != "three"]
        assert len(pids) == 2
        handles = [os.pidfd_open(pid) for pid in pids]
        process.kill()
        process.wait()
    for handle in handles:
        assert select.select([handle], [], [], 600)[0]
        os.close(handle)


@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_driver_that_is_killed_leaves_what_was_done_and_no_process(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    with _driver(kind, folder, 20_000) as process:
        assert _line(process) == "three"
        children = _children(process.pid)
        process.kill()
        process.wait()
    n_kept = len(list(folder.rglob("*.partial")))
    assert n_kept >= 3
    with _driver(kind, folder, n_kept) as process:
        out, err = process.communicate(timeout=600)
    assert (process.returncode, err) == (0, "")
    assert out.split()[-1] == "0"
    assert len(children) >= 2
    assert not any(map(_is_alive, children))
