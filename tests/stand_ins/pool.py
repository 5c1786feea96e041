"""What the stand-ins share: numbers of submissions, and machines that run jobs."""

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


class Job:
    """A job that runs in a bare environment, or is killed as soon as it has said that it runs."""

    def __init__(
        self, number: int, line: list[str], folder: Path, logs: tuple[str, str], more: dict[str, str]
    ) -> None:
        keep = ("PATH", "HOME", "TMPDIR", "LANG")
        bare = {name: os.environ[name] for name in keep if name in os.environ} | more
        with (folder / logs[0]).open("wb") as out, (folder / logs[1]).open("wb") as err:
            self._process = subprocess.Popen(
                line, cwd=folder, stdout=out, stderr=err, env=bare, start_new_session=True
            )
        self._word = folder / "states" / f"{number}.json"
        self._is_doomed = os.environ.get("STAND_IN_KILL") == str(number)

    def wait(self) -> None:
        """Wait for its end, or bring it about."""
        if self._is_doomed:
            while not self._word.exists() and self._process.poll() is None:
                time.sleep(0.02)
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
