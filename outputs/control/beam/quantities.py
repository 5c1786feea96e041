"""The quantities of a beam, from what its beam triggers add up to."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from na64.datasets.instrument.roles import COUNTERS
from na64.outputs.control.beam.core import Core, find_core, quantile_with_errors
from na64.outputs.control.beam.names import TAGS
from na64.outputs.control.beam.settings import BeamSettings
from na64.outputs.control.beam.sums import (
    ANGLE_BINS,
    DIFFERENCE_BINS,
    MOMENTUM_BINS,
    POSITION_BINS,
    BeamSums,
    TagSums,
)
from na64.outputs.control.beam.values import Measured, number, share
from na64.outputs.control.cut_efficiencies import clopper_pearson
from na64.outputs.signal.synchrotron import bending_angle, critical_energy, n_photons, radiated_energy

RAYLEIGH_MEDIAN = math.sqrt(2 * math.log(2))
"""Median of the angle over its spread in each projection, if both projections are Gaussian and alike."""

_LEAST_EVENTS = 10
"""Electrons that a mean energy is given of, at least."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A measured value with its unit.

    Attributes
    ----------
    measured : Measured
    unit : str
    is_tested : bool
        Runs are compared in it: it is not made of another quantity.
    """

    measured: Measured
    unit: str = "1"
    is_tested: bool = True


Quantities: TypeAlias = dict[str, Quantity]


def quantities_of(sums: BeamSums, beam_energy: float, settings: BeamSettings) -> Quantities:
    """Everything that can be measured with the beam triggers of a run, or of several.

    Parameters
    ----------
    sums : BeamSums
    beam_energy : float
        GeV.
    settings : BeamSettings

    Returns
    -------
    dict of str to Quantity
        What there are no events or no detectors for is not in it.
    """
    found = dict(_momentum(sums, beam_energy, settings))
    found |= dict(_angle(sums))
    found |= dict(_positions(sums))
    found |= dict(_composition(sums))
    found |= dict(_radiation_counters(sums))
    return found


def _momentum(sums: BeamSums, beam_energy: float, settings: BeamSettings) -> Iterator[tuple[str, Quantity]]:
    for name, counts in (("momentum", sums.momentum), ("hits_momentum", sums.hits)):
        core = find_core(MOMENTUM_BINS * beam_energy, counts)
        if core is None:
            continue
        fit, n = core.gaussian, core.n_events
        yield from _core(name, core, "GeV")
        relative = number(n, fit.width / fit.mean, fit.width_error / fit.mean)
        yield f"{name}_resolution", Quantity(relative, "1", is_tested=False)
        if name == "momentum":
            angle = bending_angle(fit.mean, settings.field_integral)
            as_angle = number(n, relative.value * angle, relative.error * angle)
            yield "bending_angle_resolution", Quantity(as_angle, "rad", is_tested=False)
            yield "momentum_below", Quantity(share(core.n_below, n))
            yield "momentum_above", Quantity(share(core.n_above, n))
    difference = find_core(DIFFERENCE_BINS * beam_energy, sums.hits_less_track)
    if difference is not None:
        yield from _core("hits_less_track", difference, "GeV")


def _core(name: str, core: Core, unit: str) -> Iterator[tuple[str, Quantity]]:
    fit, n = core.gaussian, core.n_events
    yield name, Quantity(number(n, fit.mean, fit.mean_error), unit)
    yield f"{name}_width", Quantity(number(n, fit.width, fit.width_error), unit)


def _angle(sums: BeamSums) -> Iterator[tuple[str, Quantity]]:
    if "track_angle" not in sums.known:
        return
    n = int(sums.angle.sum())
    median, most = (Measured(n, *quantile_with_errors(ANGLE_BINS, sums.angle, part)) for part in (0.5, 0.9))
    yield "angle_median", Quantity(median, "rad")
    yield "angle_90", Quantity(most, "rad")
    value, below, above = (part / RAYLEIGH_MEDIAN for part in (median.value, median.below, median.above))
    yield "divergence", Quantity(Measured(n, value, below, above), "rad", is_tested=False)


def _positions(sums: BeamSums) -> Iterator[tuple[str, Quantity]]:
    for name, counts in sums.places.items():
        core = find_core(POSITION_BINS, counts)
        if core is not None:
            (_, mean), width = _core(name, core, "mm")
            yield f"{name}_mean", mean
            yield width


def _composition(sums: BeamSums) -> Iterator[tuple[str, Quantity]]:
    for tag in sums.can_tag:
        yield f"{tag}_tagged", Quantity(share(sums.tags[tag].n_events, sums.n_events))
    if sums.can_tag == TAGS:
        yield "untagged", Quantity(share(sums.n_untagged, sums.n_events))


def _radiation_counters(sums: BeamSums) -> Iterator[tuple[str, Quantity]]:
    if not sums.seen_counters:
        return
    for tag in sums.can_tag:
        of_tag = sums.tags[tag]
        if not of_tag.n_events:
            continue
        yield f"{COUNTERS}_passed_{tag}", Quantity(share(of_tag.n_passed, of_tag.n_events))
        for place in sums.seen_counters:
            one = share(int(of_tag.n_in_window[place]), of_tag.n_events)
            yield f"{sums.counters[place]}_passed_{tag}", Quantity(one)
        if tag == "electron":
            yield from _energies(sums, of_tag)
        else:
            expected = accidental_coincidence(of_tag, sums.seen_counters)
            yield f"{COUNTERS}_accidental_{tag}", Quantity(expected, is_tested=False)


def _energies(sums: BeamSums, of_tag: TagSums) -> Iterator[tuple[str, Quantity]]:
    """Mean energy of electrons in each counter and in all."""
    n = of_tag.n_events
    if n < _LEAST_EVENTS:
        return
    mean = of_tag.total / n
    error = np.sqrt(np.maximum(of_tag.square / n - mean**2, 0.0) / (n - 1))
    names = [(sums.counters[place], place) for place in sums.seen_counters]
    for name, place in (*names, (f"{COUNTERS}_sum", len(sums.counters))):
        yield f"{name}_energy", Quantity(number(n, float(mean[place]), float(error[place])), "GeV")


def accidental_coincidence(of_tag: TagSums, counters: tuple[int, ...]) -> Measured:
    """Share of events in which independent counters would all be in their window, of their own rates.

    The error is that of the product, in first order; a counter that was never in its window makes the product
    zero, and its error that of the upper ends of their intervals.

    Parameters
    ----------
    of_tag : TagSums
        Of at least one event.
    counters : tuple of int
        Those that are there.
    """
    n = of_tag.n_events
    counts = [int(of_tag.n_in_window[place]) for place in counters]
    value = math.prod(k / n for k in counts)
    if not value:
        highest = math.prod(k / n if k else clopper_pearson(0, n)[1] for k in counts)
        return Measured(n, 0.0, 0.0, highest)
    error = value * math.sqrt(math.fsum((1 - k / n) / k for k in counts))
    return number(n, value, min(error, value))


@dataclass(frozen=True, slots=True)
class Radiation:
    """Synchrotron radiation that electrons of a beam have in the spectrometer, by formula.

    Attributes
    ----------
    bending_angle : float, rad
    n_photons : float
    critical_energy, total_energy : float, GeV
    srd_window : tuple of float, GeV
        Of a counter at this energy.
    """

    bending_angle: float
    n_photons: float
    critical_energy: float
    total_energy: float
    srd_window: tuple[float, float]


def radiation_of(beam_energy: float, settings: BeamSettings) -> Radiation:
    """Synchrotron radiation of electrons of an energy, GeV."""
    field, length = settings.field_integral, settings.field_length
    return Radiation(
        bending_angle(beam_energy, field),
        n_photons(field),
        critical_energy(beam_energy, field, length),
        radiated_energy(beam_energy, field, length),
        settings.counter_window_at(beam_energy),
    )
