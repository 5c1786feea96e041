"""Compile the programs of this folder and run them on request; started with a Python that has ROOT.

Takes the folder to build in; then, line by line, JSON ``[function, path, file of axes]``, and answers each
with ``na64: {"cpu": seconds, "counts": {...}}``.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import ROOT


def _compile(folder: str) -> None:
    system = ROOT.gSystem
    system.SetBuildDir(folder, True)
    system.SetFlagsOpt("-O3")
    for source in ("hits.C", "tout2023.C"):
        if not system.CompileMacro(str(Path(__file__).parent / source), "kO"):
            raise SystemExit(f"{source} does not compile")


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _rewrite(source: str, target: str, tree: str, codec: str, level: int) -> str:
    options = ROOT.RDF.RSnapshotOptions()
    options.fCompressionAlgorithm = getattr(ROOT.RCompressionSetting.EAlgorithm, f"k{codec}")
    options.fCompressionLevel = level
    ROOT.RDataFrame(tree, source).Snapshot(tree, target, "", options)
    return "{}"


def main() -> None:
    """Serve until the input ends."""
    _compile(sys.argv[1])
    print("na64: ready", flush=True)
    for line in sys.stdin:
        function, *arguments = json.loads(line)
        began = _cpu()
        counts = _rewrite(*arguments) if function == "rewrite" else str(getattr(ROOT, function)(*arguments))
        print("na64: " + json.dumps({"cpu": _cpu() - began, "counts": json.loads(counts)}), flush=True)


if __name__ == "__main__":
    main()
