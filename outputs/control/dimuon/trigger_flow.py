"""What the physics trigger takes: simulated triggers beside the cut flow of a public job on real ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.columns import Cells, EventColumns
from na64.datasets.instrument.roles import CALORIMETER, COUNTERS, MODULES
from na64.datasets.synthetic import load_campaign
from na64.datasets.synthetic.campaign import TRIGGER_BITS, Campaign, Trigger
from na64.datasets.synthetic.electromagnetic import Grid
from na64.datasets.synthetic.events import make_block, plan_runs

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

REAL_FLOW = "real_trigger_flow.csv"

REAL_OUT_OF_TIME = {5.0: 0.009, 30.0: 0.007}
"""Real dimuons that have more than this ECAL energy (GeV) out of time [D: RC]."""

_N_SIGMA, _MODULES_WINDOW, _MODULES_PEDESTAL = 3.0, 16.5, 0.2
"""Standard deviations; ns; GeV [V: EJ]."""


@dataclass(frozen=True, slots=True)
class Step:
    """A cut of the flow: events of real data and of simulation that are left after it.

    Attributes
    ----------
    cut : str
    real, simulated : int
    real_share, simulated_share : float
        Of the events after the cut before; 1 for the first.
    """

    cut: str
    real: int
    simulated: int
    real_share: float
    simulated_share: float


@dataclass(frozen=True, slots=True, eq=False)
class Triggers:
    """Simulated events with what the cuts of the flow look at.

    Attributes
    ----------
    passed : dict of str to (n,) bool
        By cut, in order: what each one alone keeps.
    out_of_time : (n,) float64, GeV
        ECAL energy that is not in time.
    """

    passed: dict[str, Booleans]
    out_of_time: Floats

    def left(self) -> Iterator[tuple[str, Booleans]]:
        """Each cut with the events that pass it and all before."""
        kept = np.ones(len(self.out_of_time), np.bool_)
        for cut, passed in self.passed.items():
            kept = kept & passed
            yield cut, kept

    def late_share(self, energy: float) -> tuple[float, float]:
        """Share of the selected dimuons with more than this energy (GeV) out of time, and its error."""
        *_, (_, kept) = self.left()
        n = max(int(kept.sum()), 1)
        share = float((self.out_of_time[kept] > energy).sum()) / n
        return share, float(np.sqrt(max(share, 1 / n) / n))


def simulate_triggers(n_events: int, *, seed: int, campaign: str = "demo") -> Triggers:
    """Recorded events of a physics run of a packaged campaign.

    Parameters
    ----------
    n_events : int
        Of all triggers.
    seed : int
    campaign : str
    """
    found = load_campaign(campaign)
    columns = _block(found, n_events, seed)
    return read_triggers(columns, found.geometries[0].grid)


def _block(campaign: Campaign, n_events: int, seed: int) -> EventColumns:
    geometry = campaign.geometries[0]
    plan = plan_runs(campaign, geometry, 2 * len(campaign.runs) * n_events, seed)[0]
    return make_block(campaign, geometry, plan, 0, n_events, seed=seed).columns


def read_triggers(columns: EventColumns, grid: Grid) -> Triggers:
    """Apply the cuts of the real flow [V: RC; values D: RC], with energies in time.

    Most ECAL energy in the beam cell; every SRD counter above 2 MeV and two of them below 80; preshower above
    0.5 GeV; ECAL below 60 GeV; HCAL 0 and 1 between 3 and 7 GeV.
    """
    n = columns.n_events
    cells = _in_time(columns, CALORIMETER).reshape(n, 2, grid.n_x, grid.n_y)
    energy, preshower = cells.sum(axis=(1, 2, 3)), cells[:, 0].sum(axis=(1, 2))
    centre = grid.beam_cell[0] * grid.n_y + grid.beam_cell[1]
    counters = 1000 * _in_time(columns, COUNTERS)
    modules = _in_time(columns, MODULES, _MODULES_WINDOW)
    muons = np.where(modules > _MODULES_PEDESTAL, modules, 0.0).reshape(n, 4, 9).sum(axis=2)[:, :2]
    physics = np.asarray(columns.event["trigger"]) & TRIGGER_BITS[Trigger.PHYSICS]
    passed: dict[str, Booleans] = {
        "trigger": physics > 0,
        "ecal_centre": np.argmax(cells.sum(axis=1).reshape(n, -1), axis=1) == centre,
        "srd": (counters > 2).all(axis=1) & ((counters < 80).sum(axis=1) >= 2),
        "preshower": preshower > 0.5,
        "ecal_energy": energy < 60,
        "dimuon": ((muons > 3) & (muons < 7)).all(axis=1),
    }
    total = np.asarray(columns.cells(CALORIMETER).energy, np.float64).sum(axis=1)
    return Triggers(passed, total - energy)


def _in_time(columns: EventColumns, name: str, half_width: float | None = None) -> Floats:
    cells = columns.detectors[name]
    if not isinstance(cells, Cells) or cells.time is None or cells.time_sigma is None:
        raise TypeError(f"{name}: cells with times are needed")
    energy = np.asarray(cells.energy, np.float64)
    late = np.abs(np.asarray(cells.time) - np.asarray(cells.expected_time))
    width = _N_SIGMA * np.asarray(cells.time_sigma) if half_width is None else half_width
    result: Floats = np.where(late < width, energy, 0.0)
    return result


def compare_flow(triggers: Triggers) -> list[Step]:
    """Steps of the flow, in the order of `REAL_FLOW`."""
    lines = (files(__package__) / REAL_FLOW).read_text(encoding="utf-8").splitlines()
    real = dict(line.split(",") for line in lines if not line.startswith("#"))
    left = {cut: int(kept.sum()) for cut, kept in triggers.left()}
    steps: list[Step] = []
    for cut, simulated in left.items():
        n, before = int(real[cut]), steps[-1] if steps else None
        shares = (n / before.real, simulated / max(before.simulated, 1)) if before else (1.0, 1.0)
        steps.append(Step(cut, n, simulated, *shares))
    return steps


def flow_markdown(steps: list[Step]) -> str:
    """Table of the steps for a page of the documentation."""
    lines = [
        "| after | real | share of the step | simulated | share of the step |",
        "|---|---:|---:|---:|---:|",
    ]
    for step in steps:
        shares = (f"{share:.3f}" for share in (step.real_share, step.simulated_share))
        real_share, simulated_share = shares
        lines.append(f"| {step.cut} | {step.real} | {real_share} | {step.simulated} | {simulated_share} |")
    return "\n".join(lines)


def late_markdown(triggers: Triggers) -> str:
    """Table of dimuons with ECAL energy out of time, for a page of the documentation."""
    lines = ["| ECAL out of time | real | simulated |", "|---|---:|---:|"]
    for energy, real in REAL_OUT_OF_TIME.items():
        share, error = triggers.late_share(energy)
        lines.append(f"| above {energy:g} GeV | {real:.2%} | {share:.2%} ± {error:.2%} |")
    return "\n".join(lines)
