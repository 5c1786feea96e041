"""Compile the programs of this folder and run them on request; started with a Python that has ROOT.

Takes the folder to build in; then, line by line, JSON ``[function, path, file of axes]``, and answers each
with ``na64: {"cpu": seconds, "counts": {...}}``. Functions are those of the programs and `_SERVICES`.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
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


def _rewrite(source: str, target: str, tree: str, codec: str, level: int) -> None:
    options = ROOT.RDF.RSnapshotOptions()
    options.fCompressionAlgorithm = getattr(ROOT.RCompressionSetting.EAlgorithm, f"k{codec}")
    options.fCompressionLevel = level
    ROOT.RDataFrame(tree, source).Snapshot(tree, target, "", options)


def _import_ntuple(source: str, target: str, tree: str) -> None:
    importer = ROOT.Experimental.RNTupleImporter.Create(source, tree, target)
    importer.SetIsQuiet(True)
    importer.SetNTupleName(tree)
    with ROOT.TFile.Open(source) as file:
        options = importer.GetWriteOptions()
        options.SetCompression(file.GetCompressionSettings())
        importer.SetWriteOptions(options)
    importer.Import()


def _share_among(threads: int) -> None:
    if threads > 1:
        ROOT.EnableImplicitMT(threads)


_SERVICES: dict[str, Callable[..., None]] = {
    "rewrite": _rewrite,
    "import_ntuple": _import_ntuple,
    "share_among": _share_among,
}


def _answer(function: str, *arguments: str | int) -> dict[str, object]:
    if function in _SERVICES:
        _SERVICES[function](*arguments)
        return {}
    counts: dict[str, object] = json.loads(str(getattr(ROOT, function)(*arguments)))
    return counts


def main() -> None:
    """Serve until the input ends."""
    _compile(sys.argv[1])
    print("na64: ready", flush=True)
    for line in sys.stdin:
        began = _cpu()
        counts = _answer(*json.loads(line))
        print("na64: " + json.dumps({"cpu": _cpu() - began, "counts": counts}), flush=True)


if __name__ == "__main__":
    main()
