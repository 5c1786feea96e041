"""Muon pairs per electron on target: photons of the cascade times the cross-section; and biased showers."""

from __future__ import annotations

from pathlib import Path

from na64.datasets.synthetic.muon_pairs import (
    LEAD,
    MICROBARN,
    MUON_MASS,
    PHOTON_LENGTHS,
    Element,
    cross_section,
)
from na64.outputs.signal.cascade import track_lengths

_STEPS = 400
"""Nodes of the cascade between 0 and the beam's energy."""
_TABLE_STEPS = 800
_LOWEST_FRACTION = 0.005


def pairs_per_electron(
    lowest: float, highest: float, *, beam_energy: float = 100.0, element: Element = LEAD
) -> float:
    """Muon pairs per electron that a thick target absorbs, from photons in a range of energies.

    Parameters
    ----------
    lowest, highest : float, GeV
        Of the converting photon.
    beam_energy : float, GeV
    element : Element
    """
    if not 4 * MUON_MASS <= lowest < highest <= beam_energy:
        raise ValueError(f"photons of {lowest:g} to {highest:g} GeV from electrons of {beam_energy:g} GeV")
    lengths = track_lengths(beam_energy, lowest, step=beam_energy / _STEPS)
    density = cross_section(lengths.energy, element) * lengths.photon
    found = lengths.above(density, lowest)
    if highest < beam_energy:
        found -= lengths.above(density, highest)
    return found * MICROBARN * element.nuclei


def write_photon_lengths(folder: Path) -> Path:
    """Compute the table of photons that the simulation draws pairs from, and write it into a folder.

    It belongs into `datasets/synthetic`.
    """
    lengths = track_lengths(1.0, _LOWEST_FRACTION, step=1 / _TABLE_STEPS)
    lines = [
        "# Photons in a thick target, complete screening: track length by fraction of the beam's energy.",
        "# Made by na64.outputs.control.dimuon.pair_production.write_photon_lengths [D: this package].",
        "fraction,X0_per_fraction",
    ]
    for energy, length in zip(lengths.energy[::-1], lengths.photon[::-1] * _TABLE_STEPS, strict=True):
        lines.append(f"{energy:.6g},{length:.6g}")
    path = folder / PHOTON_LENGTHS
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
