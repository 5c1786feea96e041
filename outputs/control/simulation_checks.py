"""How good the simulation is: its quantities beside those of real data, of Geant4 and of independent numbers.

``print(page())`` gives the tables of the documentation (docs/physics.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.roles import CALORIMETER
from na64.datasets.synthetic import load_campaign
from na64.datasets.synthetic.campaign import TriggerEmulation
from na64.datasets.synthetic.component_kinds import ComponentKind
from na64.datasets.synthetic.components import generate
from na64.datasets.synthetic.deposits import Deposits
from na64.datasets.synthetic.electromagnetic import Grid, fluctuate, mean_cells
from na64.datasets.synthetic.library import read_arrays
from na64.datasets.synthetic.muon_pairs import PairSpectrum
from na64.datasets.synthetic.particles import Gun, beam_hadrons
from na64.outputs.control.dimuon import likeness, trigger_flow

Floats = NDArray[np.float64]

CASCADE, GEANT4, SEED = "[D: independent cascade]", "[D: our Geant4 sample]", "[V: seed]"
_BEAM, _BELOW, _HARD = 100.0, 60.0, 40.0
"""GeV: beam; ECAL energy of a dimuon; photon from which on its pair counts as hard."""
_CROSSES = 0.83
"""GeV in the ECAL; pions with less cross it as minimum-ionising particles."""
_ALL = TriggerEmulation(1e9, -1e9, 0.0)
_GRID = Grid(6, 6, (3, 3))
_N = 20_000


@dataclass(frozen=True, slots=True)
class SimulationCheck:
    """One quantity of the simulation with what it should be.

    Attributes
    ----------
    quantity : str
    reference : float
    source : str
        Tag of the reference.
    simulated : float
    error : float
        Of the reference; 0 where it has none.
    """

    quantity: str
    reference: float
    source: str
    simulated: float
    error: float = 0.0

    @property
    def ratio(self) -> float:
        """Simulated over reference."""
        return self.simulated / self.reference


def checks(seed: int = 5) -> list[SimulationCheck]:
    """All quantities that are not those of selected dimuons, in the order of the documentation."""
    return [*_pairs(seed), *_pions(seed), *_electrons(seed)]


def dimuon_deposits(n_events: int, seed: int) -> Deposits:
    """What simulated dimuons deposit that no trigger has looked at."""
    campaign = load_campaign("dimuons")
    component = next(entry for entry in campaign.components if entry.kind is ComponentKind.DIMUON)
    gun = Gun(campaign.beam, campaign.geometries[0].grid, campaign.response, np.random.default_rng(seed))
    return generate(gun, component, n_events, _ALL)


def _pairs(seed: int) -> Iterator[SimulationCheck]:
    for lowest, expected in ((40.0, 1.02e-5), (50.0, 6.83e-6), (80.0, 1.47e-6)):
        found = PairSpectrum(_BEAM, lowest, _BEAM).pairs_per_electron()
        yield SimulationCheck(
            f"muon pairs per electron, photons above {lowest:g} GeV", expected, CASCADE, found
        )
    lowest = 12.0
    deposits = dimuon_deposits(2 * _N, seed)
    total = PairSpectrum(_BEAM, lowest, _BEAM).pairs_per_electron()
    calorimeter, left = deposits.calorimeter.sum(axis=(1, 2, 3)), deposits.electromagnetic
    text = f"muon pairs per electron, less than {_BELOW:g} GeV"
    yield SimulationCheck(
        f"{text} left to the shower", 1.03e-5, CASCADE, total * float((left < _BELOW).mean())
    )
    yield SimulationCheck(
        f"{text} in the ECAL, muons too", 1.03e-5, CASCADE, total * float((calorimeter < _BELOW).mean())
    )
    hard = left < _BEAM - _HARD
    own, error, width, width_error = _geant4_pairs()
    yield SimulationCheck(
        "ECAL energy of hard muon pairs, mean (GeV)",
        own,
        GEANT4,
        float((calorimeter - left)[hard].mean()),
        error,
    )
    preshower = deposits.calorimeter[:, 0].sum(axis=(1, 2))[calorimeter < _BELOW]
    text = f"preshower of dimuons below {_BELOW:g} GeV, rms (GeV)"
    yield SimulationCheck(text, width, GEANT4, float(preshower.std()), width_error)


def _geant4_pairs() -> tuple[float, float, float, float]:
    """ECAL energy of hard muon pairs of our Geant4 sample, and the preshower's rms; GeV, with errors."""
    arrays = read_arrays("dimuon_hiE_em_100GeV")
    single = arrays["n_mumu"] == 1
    cells = arrays[f"{CALORIMETER}_GeV"][single].astype(np.float64)
    photon = (arrays["E_mup_MeV"] + arrays["E_mum_MeV"])[single].astype(np.float64) / 1000
    calorimeter, preshower = cells.sum(axis=(1, 2, 3)), cells[:, 0].sum(axis=(1, 2))
    own = (calorimeter - (_BEAM - photon))[photon > _HARD]
    soft = preshower[calorimeter < _BELOW]
    width = float(soft.std())
    return (
        float(own.mean()),
        float(own.std() / np.sqrt(len(own))),
        width,
        width / float(np.sqrt(2 * len(soft))),
    )


def _pions(seed: int) -> Iterator[SimulationCheck]:
    campaign = load_campaign("demo")
    for energy in (50.0, 100.0):
        beam = replace(campaign.beam, energy=energy, spread=0.0)
        gun = Gun(beam, _GRID, campaign.response, np.random.default_rng(seed))
        pions = beam_hadrons(gun, _N, {f"pim_{energy:.0f}GeV": 1.0})
        seen = pions.modules.sum(axis=(1, 2, 3))[pions.calorimeter.sum(axis=(1, 2, 3)) < _CROSSES]
        found = float(seen.std() / seen.mean() * np.sqrt(energy))
        yield SimulationCheck(f"HCAL resolution x sqrt(E), pions of {energy:g} GeV", 0.60, SEED, found)


def _electrons(seed: int) -> Iterator[SimulationCheck]:
    rng, stochastic = np.random.default_rng(seed), load_campaign("demo").response.calorimeter_stochastic
    x, y = rng.uniform(-19.1, 19.1, (2, _N))
    cells = fluctuate(mean_cells(np.full(_N, _BEAM), x, y, _GRID, rng), stochastic, rng)
    library = read_arrays("em_100GeV")[f"{CALORIMETER}_GeV"].astype(np.float64)
    names = ("share of the preshower", "its 3x3 cells", "its central cell")
    for name, one, other in zip(names, _preshower(library), _preshower(cells), strict=True):
        yield SimulationCheck(f"electrons of 100 GeV: {name}", one, GEANT4, other)
    energy = cells.sum(axis=(1, 2, 3))
    found = float(energy.std() / energy.mean() * np.sqrt(_BEAM))
    yield SimulationCheck("ECAL resolution x sqrt(E), electrons of 100 GeV", 0.09, SEED, found)


def _preshower(cells: Floats) -> tuple[float, float, float]:
    """Mean share of the energy in the preshower; of that the shares of 3x3 cells and of the central one."""
    plane = cells[:, 0]
    total = plane.sum(axis=(1, 2))
    near, central = plane[:, 2:5, 2:5].sum(axis=(1, 2)), plane[:, 3, 3]
    shares = (total / cells.sum(axis=(1, 2, 3)), near / total, central / total)
    first, second, third = (float(share.mean()) for share in shares)
    return first, second, third


def checks_markdown(rows: list[SimulationCheck]) -> str:
    """Table of the checks for a page of the documentation."""
    lines = ["| quantity | reference | source | simulated | ratio |", "|---|---:|---|---:|---:|"]
    for row in rows:
        error = f" ± {row.error:.2g}" if row.error else ""
        reference = f"{row.reference:.3g}{error}"
        lines.append(
            f"| {row.quantity} | {reference} | {row.source} | {row.simulated:.3g} | {row.ratio:.2f} |"
        )
    return "\n".join(lines)


def energy_markdown(simulated: dict[str, Floats]) -> str:
    """Table of selected dimuons by ECAL energy, and the chi2 of the two shapes."""
    counts, chi2, n_degrees = likeness.compare_energies(simulated)
    edges = likeness.ENERGY_EDGES
    bins = [f"{low:g}-{high:g}" for low, high in pairwise(edges.tolist())]
    rows = [
        ["E_ECAL (GeV)", *bins],
        ["---", *("---:" for _ in bins)],
        ["real", *(str(n) for n in likeness.REAL_ENERGIES)],
        ["simulated", *(f"{count:.0f}" for count in counts)],
    ]
    lines = ["|" + "|".join(row) + "|" if row[0] == "---" else "| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([*lines, "", f"chi2 of the shapes: {chi2:.0f} for {n_degrees} degrees of freedom."])


def page() -> str:
    """All tables of the documentation, as Markdown: half a minute."""
    dimuons = likeness.simulate_dimuons(40_000, seed=2)
    return "\n\n".join(
        [
            likeness.as_markdown(list(likeness.compare_with_real(dimuons))),
            energy_markdown(dimuons),
            trigger_flow.flow_markdown(
                trigger_flow.compare_flow(trigger_flow.simulate_triggers(40_000, seed=3))
            ),
            trigger_flow.late_markdown(trigger_flow.simulate_triggers(40_000, seed=2, campaign="dimuons")),
            checks_markdown(checks()),
        ]
    )
