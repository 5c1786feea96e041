"""RDataFrame programs, compiled and run by a Python that has ROOT, in a process of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from na64.benchmarks.counts import BenchmarkCounts, list_axes
from na64.benchmarks.programs import Program
from na64.benchmarks.sample import BenchmarkSample
from na64.selections.selection import Selection

IDIOMATIC_ROOT = "RDataFrame, one lambda a quantity"
FUSED_ROOT = "RDataFrame, fused by hand"
LAZY_ROOT = "RDataFrame, cut counts only, lazy"

_KINDS = {IDIOMATIC_ROOT: "idiomatic", FUSED_ROOT: "fused", LAZY_ROOT: "lazy"}
_SERVER = Path(__file__).parent / "root" / "serve.py"
_MARK = "na64: "


class RootServer:
    """Runs compiled programs on request.

    Parameters
    ----------
    process : subprocess.Popen
        Of ``root/serve.py``.
    axes : Path
        See `na64.benchmarks.counts.list_axes`.
    """

    def __init__(self, process: subprocess.Popen[str], axes: Path) -> None:
        self._process = process
        self._axes = axes
        self.cpu = 0.0
        """Seconds, user and system, that the last program took."""

    def run(self, program: str, path: Path) -> BenchmarkCounts:
        """Run ``idiomatic_<layout>``, ``fused_<layout>`` or, for cuts only, ``lazy_<layout>`` on a file."""
        answer = self._ask(program, str(path), str(self._axes))
        self.cpu = answer["cpu"]
        counts: dict[str, Any] = answer["counts"]
        lists = {name: tuple(found) for name, found in counts.items() if isinstance(found, list)}
        return BenchmarkCounts(**counts | lists)

    def share_among(self, threads: int) -> None:
        """Let ROOT run what follows in so many threads."""
        self._ask("share_among", threads)

    def rewrite(self, source: Path, target: Path, tree: str, codec: str, level: int) -> None:
        """Let ROOT write a tree again with a codec, in baskets as it makes them."""
        self._ask("rewrite", str(source), str(target), tree, codec, level)

    def import_ntuple(self, source: Path, target: Path, tree: str) -> None:
        """Let ROOT write a tree again as an RNTuple, with the codec that the tree has."""
        self._ask("import_ntuple", str(source), str(target), tree)

    def _ask(self, *what: str | int) -> dict[str, Any]:
        request, _ = _pipes(self._process)
        request.write(json.dumps(what) + "\n")
        request.flush()
        answer: dict[str, Any] = json.loads(self.read())
        return answer

    def read(self) -> str:
        """Next line that is for us."""
        _, answers = _pipes(self._process)
        for line in answers:
            if line.startswith(_MARK):
                return line.removeprefix(_MARK)
        raise RuntimeError(
            f"{self._process.args!r} ended: do its Python have ROOT and this machine a compiler?"
        )


def root_programs(
    root: RootServer | None, sample: BenchmarkSample, names: Sequence[str] = tuple(_KINDS)
) -> list[Program]:
    """List programs of RDataFrame by name for a sample; none without ROOT."""
    return [] if root is None else [_program(root, name, sample) for name in names]


def _program(root: RootServer, name: str, sample: BenchmarkSample) -> Program:
    function = f"{_KINDS[name]}_{sample.layout.name}"
    return Program(name, lambda: root.run(function, sample.path), lambda: root.cpu)


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    if process.stdin is None or process.stdout is None:
        raise ValueError("a process without pipes")
    return process.stdin, process.stdout


@contextmanager
def open_root(python: Path, folder: Path, selection: Selection) -> Iterator[RootServer]:
    """Compile the programs, or take what is compiled in the folder, and serve them.

    Parameters
    ----------
    python : Path
        An interpreter that can import ROOT.
    folder : Path
        Where to build.
    selection : Selection
        Gives the axes of the N-1 histograms.
    """
    folder.mkdir(parents=True, exist_ok=True)
    axes = folder / "axes.txt"
    axes.write_text(list_axes(selection), encoding="utf-8")
    command = [str(python), "-W", "ignore", str(_SERVER), str(folder.resolve())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        server = RootServer(process, axes.resolve())
        server.read()
        yield server
        _pipes(process)[0].close()
