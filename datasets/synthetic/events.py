"""A block of simulated events: what the experiment records of it, and the truth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from na64.datasets.conditions.conditions import RunType
from na64.datasets.instrument.columns import Array, EventColumns, TrackerHits
from na64.datasets.synthetic.campaign import TRIGGER_BITS, BadSpill, Campaign, Geometry, Run, Trigger
from na64.datasets.synthetic.component_kinds import SIGNALS, ComponentKind
from na64.datasets.synthetic.components import generate, triggers
from na64.datasets.synthetic.deposits import Deposits, concatenate
from na64.datasets.synthetic.digitisation import cells, master_time, tracks, without_signal
from na64.datasets.synthetic.library import Booleans, Floats, Integers
from na64.datasets.synthetic.muon_tracks import MOMENTUM, hits_of
from na64.datasets.synthetic.particles import Gun
from na64.datasets.synthetic.pile_up import PileUpOverlay, overlay

_SPILL_STREAM = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive events of a run.

    Attributes
    ----------
    columns : EventColumns
        Every cell of every event, in the units of `na64.datasets.instrument.columns`.
    truth : dict of str to (n,) array
        The rows of the truth file.
    """

    columns: EventColumns
    truth: dict[str, Array]


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A run with the number its files carry, and how its events are spread over spills.

    Attributes
    ----------
    run : Run
    number : int
    n_events : int
    spill_sizes : (n_spills,) int64
        Events in each spill; spills and the events in them are numbered from 1.
    """

    run: Run
    number: int
    n_events: int
    spill_sizes: Integers

    def places(self, start: int, stop: int) -> tuple[Integers, Integers]:
        """Spill, and event number in it, of the events `start` to `stop`: two (n,) int64."""
        last = np.cumsum(self.spill_sizes)
        event = np.arange(start, stop)
        spill = np.searchsorted(last, event, side="right")
        return spill + 1, event - (last - self.spill_sizes)[spill] + 1


def plan_runs(campaign: Campaign, geometry: Geometry, n_events: int, seed: int) -> tuple[RunPlan, ...]:
    """Share exactly `n_events` events over runs by their shares, and the events of a run over spills."""
    shares = np.array([run.share for run in campaign.runs])
    exact = n_events * shares / shares.sum()
    sizes = np.floor(exact).astype(np.int64)
    largest = np.argsort(sizes - exact, kind="stable")[: n_events - int(sizes.sum())]
    sizes[largest] += 1
    return tuple(
        _plan(run, run.run + geometry.run_shift, int(size), seed)
        for run, size in zip(campaign.runs, sizes, strict=True)
    )


def _plan(run: Run, number: int, n_events: int, seed: int) -> RunPlan:
    rng = np.random.default_rng((seed, run.run, _SPILL_STREAM))
    intensity = rng.lognormal(0.0, 0.1, run.n_spills)
    return RunPlan(run, number, n_events, rng.multinomial(n_events, intensity / intensity.sum()))


def make_block(
    campaign: Campaign, geometry: Geometry, plan: RunPlan, start: int, stop: int, *, seed: int
) -> Block:
    """Simulate the events `start` to `stop` of a run.

    The content depends on the campaign, the geometry, the seed, the run, `start` and `stop` only.
    """
    n = stop - start
    rng = np.random.default_rng((seed, plan.run.run, start))
    gun = Gun(
        campaign.beam,
        geometry.grid,
        campaign.response,
        rng,
        campaign.further,
        campaign.dump,
        campaign.muon_mode,
    )
    spill, event = plan.places(start, stop)
    component = _draw_components(campaign, plan.run.type, n, rng)
    deposits = _deposits(gun, campaign, component)
    gain = _gains(campaign.bad, plan.run.run, spill, event)
    deposits = replace(deposits, calorimeter=deposits.calorimeter * gain[:, None, None, None])
    trigger = _trigger_word(gun, campaign, deposits, component)
    kinds = np.array([entry.kind is ComponentKind.PILE_UP for entry in campaign.components])
    second = overlay(gun, campaign.pile_up, kinds[component])
    weight = np.array([1 / entry.bias for entry in campaign.components])[component]
    master = master_time(n, rng)
    recorded = cells(
        deposits,
        second,
        master,
        response=campaign.response,
        pile_up=campaign.pile_up,
        faults=[fault for fault in campaign.faults if fault.has_run(plan.run.run)],
        rng=rng,
        further=campaign.further,
        dump=campaign.dump,
    )
    columns = EventColumns(
        n_events=n,
        event={
            "run": np.full(n, plan.number, dtype=np.int64),
            "spill": spill,
            "event": event,
            "trigger": trigger,
            "master_time": master,
            **tracks(deposits, campaign.response, rng),
            "weight": weight,
            "truth_component": component,
        },
        detectors={
            **{
                name: without_signal(found) if name in campaign.absent else found
                for name, found in recorded.items()
            },
            **_hits(campaign, deposits, second, rng),
        },
    )
    truth = _truth(columns, deposits, second, _signals(campaign, component))
    if campaign.dump is not None:
        truth["vertex"] = deposits.vertex
    if campaign.muon_mode is not None:
        momenta = np.abs(deposits.tracks[:, :2, MOMENTUM])
        truth |= {"p_in": momenta[:, 0], "p_out": momenta[:, 1]}
    return Block(columns, truth)


def _hits(
    campaign: Campaign, deposits: Deposits, second: PileUpOverlay, rng: np.random.Generator
) -> dict[str, TrackerHits]:
    """Hits of all tracking planes of a beam of muons, those of second particles too."""
    if campaign.muon_mode is None:
        return {}
    n = len(deposits)
    tracks, rows = (deposits.tracks, second.deposits.tracks), (np.arange(n), second.rows)
    return hits_of(tracks, rows, n, campaign.muon_mode, rng)


def _signals(campaign: Campaign, component: Integers) -> dict[str, Booleans]:
    """Which events have a particle whose energy is a column of the truth, by the name of the column."""
    kinds = {entry.kind for entry in campaign.components}
    of: dict[str, tuple[ComponentKind, ...]] = {"dark_photon_energy": SIGNALS}
    if ComponentKind.ALP in kinds:
        of["alp_energy"] = (ComponentKind.ALP,)
    if ComponentKind.CHARGE_EXCHANGE in kinds:
        of["meson_energy"] = (ComponentKind.CHARGE_EXCHANGE,)
    return {
        name: np.array([entry.kind in those for entry in campaign.components])[component]
        for name, those in of.items()
    }


def _draw_components(campaign: Campaign, run_type: RunType, n: int, rng: np.random.Generator) -> Integers:
    rates = np.array([entry.rates.get(run_type, 0.0) * entry.bias for entry in campaign.components])
    return rng.choice(len(rates), n, p=rates / rates.sum()).astype(np.int64)


def _deposits(gun: Gun, campaign: Campaign, component: Integers) -> Deposits:
    order = np.argsort(component, kind="stable")
    counts = np.bincount(component, minlength=len(campaign.components))
    parts = [
        generate(gun, entry, int(count), campaign.trigger)
        for entry, count in zip(campaign.components, counts, strict=True)
        if count
    ]
    return concatenate(parts).take(np.argsort(order, kind="stable"))


def _gains(bad: tuple[BadSpill, ...], run: int, spill: Integers, event: Integers) -> Floats:
    gain = np.ones(len(spill))
    for entry in bad:
        if entry.run == run:
            hit = np.full(len(spill), True) if entry.spill is None else spill == entry.spill
            if entry.start is not None and entry.stop is not None:
                hit &= (event >= entry.start) & (event < entry.stop)
            gain[hit] *= entry.calorimeter_gain
    return gain


def _trigger_word(gun: Gun, campaign: Campaign, deposits: Deposits, component: Integers) -> Integers:
    own: Integers = np.array([TRIGGER_BITS[entry.trigger] for entry in campaign.components])[component]
    is_beam = own == TRIGGER_BITS[Trigger.BEAM]
    fired = is_beam & triggers(deposits, gun, campaign.trigger)
    own[fired] |= TRIGGER_BITS[Trigger.PHYSICS]
    return own


def _truth(
    columns: EventColumns, deposits: Deposits, second: PileUpOverlay, signals: dict[str, Booleans]
) -> dict[str, Array]:
    delay, energy = np.zeros(columns.n_events), np.zeros(columns.n_events)
    delay[second.rows], energy[second.rows] = second.delay, second.deposits.momentum
    shower = np.full(columns.n_events, -1, dtype=np.int64)
    shower[second.rows] = second.deposits.first_shower
    taken = deposits.momentum - deposits.electromagnetic
    keys = {name: columns.event[name] for name in ("run", "spill", "event")}
    return {
        **keys,
        "component": columns.event["truth_component"],
        "weight": columns.event["weight"],
        "electromagnetic_energy": deposits.electromagnetic,
        "hadronic_energy": deposits.hadronic,
        **{name: np.where(own, taken, 0.0) for name, own in signals.items()},
        "pile_up_energy": energy,
        "pile_up_delay": delay,
        "first_shower": deposits.first_shower,
        "second_shower": deposits.second_shower,
        "pile_up_shower": shower,
    }
