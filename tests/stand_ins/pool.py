"""What the stand-ins share: numbers of submissions, and machines that run one job at a time."""

import os
import signal
import subprocess
import time
from pathlib import Path


def next_number() -> int:
    """Number submissions from 101 on, in a file of the test."""
    counter = Path(os.environ["STAND_IN_COUNTER"])
    number = int(counter.read_text()) + 1 if counter.exists() else 101
    counter.write_text(str(number))
    return number


def run_job(job: int, line: list[str], folder: Path, logs: tuple[str, str], more: dict[str, str]) -> None:
    """Run a job in a bare environment, or kill it as soon as it has said that it runs."""
    keep = ("PATH", "HOME", "TMPDIR", "LANG")
    bare = {name: os.environ[name] for name in keep if name in os.environ} | more
    with (folder / logs[0]).open("wb") as out, (folder / logs[1]).open("wb") as err:
        process = subprocess.Popen(line, cwd=folder, stdout=out, stderr=err, env=bare, start_new_session=True)
        if os.environ.get("STAND_IN_KILL") == str(job):
            word = folder / "states" / f"{job}.json"
            while not word.exists() and process.poll() is None:
                time.sleep(0.02)
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
