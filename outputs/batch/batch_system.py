"""What HTCondor and SLURM are told: submit descriptions, and the commands that take them.

Written after the manuals and tried against stand-ins, see docs/cluster.md.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from na64.datasets.basics.atomic_file import write_bytes
from na64.outputs.batch.submissions import Submission, System, list_of_job

_COMMANDS = {System.CONDOR: "condor_submit", System.SLURM: "sbatch"}
_ANSWERS = {System.CONDOR: r"submitted to cluster (\d+)", System.SLURM: r"Submitted batch job (\d+)"}
_RUN_TIME = re.compile(r"(\+|MY\.)(MaxRuntime|JobFlavour)\b|--time(?![\w-])|-t(?![a-z-])", re.IGNORECASE)
"""How a directive begins that says how long a job may run."""

_SECONDS = 60.0
"""How long a command of a batch system may take; SLURM itself gives a dead controller up before that."""

_UNWRITABLE = {System.CONDOR: r"[\x00-\x1f]", System.SLURM: r"[\x00-\x1f%\\]"}
"""Letters that a path cannot have: SLURM takes some for the number of the job, however they are written."""

_PLACES = ("PYTHONPATH", "LD_LIBRARY_PATH")
"""Variables that say where code and libraries of the user are; periods belong to the catalogue."""


@dataclass(frozen=True, slots=True)
class JobResources:
    """What a job asks of the machine it runs on.

    Attributes
    ----------
    memory : int, MB
    minutes : int or None
        Longest time that it runs.
    directives : tuple of str
        More lines for the batch system, as it writes them.
    """

    memory: int = 3000
    minutes: int | None = None
    directives: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.minutes is None:
            return
        for line in self.directives:
            if _RUN_TIME.match(line.strip()):
                raise ValueError(
                    f"--minutes {self.minutes} and --directive {line}: both say how long a job runs"
                )


def check_folder(system: System, folder: Path) -> None:
    """Refuse a folder that a batch system cannot be told of.

    Raises
    ------
    ValueError
        Its path has a letter that means something else there.
    """
    found = re.search(_UNWRITABLE[system], str(folder.resolve()))
    if found is not None:
        raise ValueError(f"{folder}: {found.group()!r} in a path means something else to {system.value}")


def write_description(place: Path, submission: Submission, needs: JobResources, name: str) -> Path:
    """Write the job script and the submit description into the folder of a submission.

    Parameters
    ----------
    place : Path
        Of the submission.
    submission : Submission
    needs : JobResources
    name : str
        What the queue shows.

    Returns
    -------
    Path
        The submit description.
    """
    place = place.resolve()
    script = place / "job.sh"
    write_bytes(script, _script(place).encode())
    script.chmod(0o755)
    writer = _condor if submission.system is System.CONDOR else _slurm
    description = place / f"submit.{'sub' if submission.system is System.CONDOR else 'sh'}"
    write_bytes(description, "\n".join([*writer(place, submission, needs, name), ""]).encode())
    return description


def _script(place: Path) -> str:
    """Start the same interpreter that submits; ``$1`` is the number of the job.

    A job may have nothing of the environment it was sent from (``--export=NONE``).
    """
    places = {name: _absolute(os.environ.get(name, "")) for name in _PLACES}
    exports = [f"export {name}={shlex.quote(value)}" for name, value in places.items() if value]
    keys = f"{shlex.quote(str(list_of_job(place, 0).parent))}/$1.json"
    start = f"exec {shlex.quote(sys.executable)} -P -m na64.run work {keys}"
    return "\n".join(["#!/bin/sh", *exports, start, ""])


def _absolute(paths: str) -> str:
    """Write a list of paths so that it holds in any folder; an empty one, the working folder, is left out."""
    return os.pathsep.join(str(Path(path).absolute()) for path in paths.split(os.pathsep) if path)


def _condor(place: Path, submission: Submission, needs: JobResources, name: str) -> list[str]:
    longest = [] if needs.minutes is None else [f"+MaxRuntime = {60 * needs.minutes}"]
    return [
        "universe = vanilla",
        f"executable = {_condor_path(place / 'job.sh')}",
        "arguments = $(ProcId)",
        f"initialdir = {_condor_path(place)}",
        "output = logs/$(ProcId).out",
        "error = logs/$(ProcId).err",
        "log = logs/condor.log",
        "transfer_executable = false",
        "should_transfer_files = IF_NEEDED",
        f"request_cpus = {submission.workers}",
        f"request_memory = {needs.memory}",
        f'JobBatchName = "{name}"',
        *longest,
        *needs.directives,
        f"queue {submission.n_jobs}",
    ]


def _condor_path(path: Path) -> str:
    return str(path).replace("$", "$(DOLLAR)")


def _slurm(place: Path, submission: Submission, needs: JobResources, name: str) -> list[str]:
    longest = [] if needs.minutes is None else [f"--time={needs.minutes}"]
    asked = [
        _quoted(f"--job-name={name}"),
        f"--array=0-{submission.n_jobs - 1}",
        _quoted(f"--chdir={place}"),
        "--output=logs/%a.out",
        "--error=logs/%a.err",
        "--open-mode=append",  # a job that is started again keeps what it said before
        "--ntasks=1",
        f"--cpus-per-task={submission.workers}",
        f"--mem={needs.memory}M",
        *longest,
        *needs.directives,
    ]
    start = f'exec {shlex.quote(str(place / "job.sh"))} "$SLURM_ARRAY_TASK_ID"'
    return ["#!/bin/sh", *(f"#SBATCH {line}" for line in asked), start]


def _quoted(option: str) -> str:
    """Write an option so that SLURM takes blanks and quotes in it as they are."""
    escaped = option.replace("\\", "\\\\").replace('"', '\\"')
    return option if re.fullmatch(r"[\w./:=+-]+", option) else f'"{escaped}"'


def command(system: System, description: Path) -> list[str]:
    """Return the command that sends a submit description."""
    return [_COMMANDS[system], str(description)]


def send(system: System, description: Path) -> str | None:
    """Send a submit description; return what the batch system calls it, None if it is not here.

    Raises
    ------
    RuntimeError
        The batch system refuses it, or does not answer.
    """
    line = command(system, description)
    if shutil.which(line[0]) is None:
        return None
    try:
        done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{line[0]} does not answer within {_SECONDS:g} s") from None
    found = re.search(_ANSWERS[system], done.stdout)
    if done.returncode or found is None:
        said = " ".join((done.stderr.strip() or done.stdout.strip()).split())[:300]
        raise RuntimeError(f"{line[0]} refuses {description.name}: {said or f'exit code {done.returncode}'}")
    return found.group(1)


def queued(submission: Submission) -> set[int] | None:
    """Ask which jobs of a submission wait or run; None if that cannot be found out."""
    if not submission.batch_id:
        return None
    if submission.system is System.CONDOR:
        line = ["condor_q", submission.batch_id, "-autoformat", "ClusterId", "ProcId"]
    else:
        line = ["squeue", "--me", "--noheader", "--array", "--format=%F %K"]
    rows = _ask(line)
    if rows is None:
        return None
    return {int(row[1]) for row in rows if row[0] == submission.batch_id and row[1].isdecimal()}


def _ask(line: Sequence[str]) -> list[list[str]] | None:
    if shutil.which(line[0]) is None:
        return None
    try:
        done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        return None
    return [row.split() for row in done.stdout.splitlines() if len(row.split()) == 2]
