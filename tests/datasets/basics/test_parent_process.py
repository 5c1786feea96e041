"""Processes whose parent is killed: they end, and with them what they have of its locks."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from na64.datasets.basics.turns import turn

FORKING = """
import multiprocessing, sys, time
from pathlib import Path
from na64.datasets.basics.parent_process import end_with_parent
from na64.datasets.basics.turns import turn

folder = Path(sys.argv[1])
end_with_parent()  # of whom nobody has started: nothing happens

def work(number):
    end_with_parent()
    (folder / f"at_work_{number}").touch()
    time.sleep(600)

with turn(folder, "products", "na64 test"):
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=work, args=(number,)) for number in range(3)]
    for child in children:
        child.start()
    while len(list(folder.glob("at_work_*"))) < len(children):
        time.sleep(0.01)
    print("at work", flush=True)
    children[0].join()
"""


def test_forked_processes_hold_no_lock_of_a_parent_that_was_killed(tmp_path: Path) -> None:
    line = [sys.executable, "-c", FORKING, str(tmp_path)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "at work\n"
        parent.send_signal(signal.SIGKILL)
        with turn(tmp_path, "products", "the next one", patience=60.0):
            assert (tmp_path / ".products.lock").read_text().startswith("the next one")
