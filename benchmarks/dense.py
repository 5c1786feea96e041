"""Flat files with every cell filled and no two numbers alike: what detectors without suppression write."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import uproot
from numpy.typing import NDArray

from na64.benchmarks.programs import PROCESS
from na64.benchmarks.root_peers import RootServer
from na64.benchmarks.sample import BLOCK, BenchmarkSample, Branches, block_of, numbered, size_of
from na64.datasets.reading.layout import Layout, load_layout
from na64.datasets.synthetic.writers import RunFileFormat, open_writer

CODECS = {"LZ4": uproot.LZ4(4), "ZLIB": uproot.ZLIB(1), "ZSTD": uproot.ZSTD(5), "LZMA": uproot.LZMA(7)}
"""Compressions that ROOT recommends, with their levels."""

RNTUPLE = f"{PROCESS}, RNTuple"
"""The program on what `import_ntuple` gives."""

CLUSTER = 9_000
"""Events of a cluster, about as many as ROOT puts there: it ends one at 30 MB."""

_SEED, _RUN = 65, 8705
_NOISE, _RELATIVE, _NS = 0.002, 1e-9, 1e-6
"""Mean energy of an empty cell in GeV; what energies are multiplied by and times moved by, so that their last
bits are those of measurements, which no codec can compress."""


def make_dense(codec: str, n_events: int, folder: Path, root: RootServer | None) -> BenchmarkSample:
    """Write a run file of the flat 2023 layout.

    Parameters
    ----------
    codec : str
        Of `CODECS`.
    n_events : int
    folder : Path
    root : RootServer or None
        Writes it, with ROOT's own baskets; without it we do, with clusters of the same size.
    """
    layout, n_block = load_layout("tout2023"), min(n_events, BLOCK)
    plain = block_of(layout.name, n_block)
    block = _filled(layout, plain)
    path = folder / f"dense_{codec}_{n_events}.root"
    written = path if root is None else path.with_suffix(".raw.root")
    compression = CODECS[codec] if root is None else None
    folder.mkdir(parents=True, exist_ok=True)
    with open_writer(written, RunFileFormat.TTREE, layout.trees[0], compression=compression) as writer:
        for start in range(0, n_events, CLUSTER):
            rows = np.arange(start, min(start + CLUSTER, n_events)) % n_block
            part: Branches = {name: values[rows] for name, values in block.items()}
            writer.extend(part | numbered(layout, plain, _RUN, start, len(rows)))
    if root is not None:
        root.rewrite(written, path, layout.trees[0], codec, CODECS[codec].level)
        written.unlink()
    return BenchmarkSample(
        path, layout, RunFileFormat.TTREE, n_events, sum(map(size_of, block.values())) / n_block
    )


def import_ntuple(sample: BenchmarkSample, root: RootServer) -> BenchmarkSample:
    """Let ROOT write a sample again as an RNTuple, with its codec."""
    path = sample.path.with_suffix(".rntuple.root")
    root.import_ntuple(sample.path, path, sample.layout.trees[0])
    return replace(sample, path=path, format=RunFileFormat.RNTUPLE)


def _filled(layout: Layout, block: Branches) -> dict[str, NDArray[np.generic]]:
    """Simulated events with energy in every cell, and measured times."""
    generator = np.random.default_rng(_SEED)
    filled = {name: np.asarray(values) for name, values in block.items()}
    for detector in layout.detectors.values():
        for key, branch in detector.columns.items():
            for name in branch.names:
                values = filled[name]
                random = generator.standard_normal(values.shape)
                if key == "energy":
                    empty = generator.exponential(_NOISE, values.shape)
                    filled[name] = np.where(values == 0, empty, values * (1 + _RELATIVE * random))
                else:
                    filled[name] = values + _NS * random
    return filled
