"""Momenta of tracks through the magnets of a period, from single hits in its tracking planes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.columns import EventColumns, TrackerHits
from na64.datasets.instrument.spectrometer import Spectrometer
from na64.processors.features.feature_table import FeatureTable

Floats = NDArray[np.float64]


def store_tracks(table: FeatureTable, events: EventColumns, spectrometers: tuple[Spectrometer, ...]) -> None:
    """Fit a track through every spectrometer; nan where the file lacks one of its planes.

    Parameters
    ----------
    table : FeatureTable
        Its rows are filled.
    events : EventColumns
    spectrometers : tuple of Spectrometer
    """
    for one in spectrometers:
        rows = [table[feature.name] for feature in one.features()]
        hits = [events.detectors.get(plane) for plane in one.planes]
        if any(not isinstance(plane, TrackerHits) for plane in hits):
            for row in rows:
                row[:] = np.nan
            continue
        for row, values in zip(rows, _fitted(one, hits, events.n_events), strict=True):
            row[:] = values


def _fitted(one: Spectrometer, hits: Sequence[object], n_events: int) -> Floats:
    """What is made of each event, (n_features, n_events) float64."""
    from na64.processors.kernels import track  # noqa: PLC0415 (compiled only where a period has a magnet)

    positions = np.full((n_events, len(one.planes)), np.nan)
    for column, plane, origin in zip(positions.T, hits, one.origin, strict=True):
        if isinstance(plane, TrackerHits):
            _put_single(column, plane, origin)
    made = np.empty((len(track.FEATURES), n_events))
    z, resolution = np.array(one.z), np.array(one.resolution)
    work = np.zeros(track.WORK)
    track.fit_tracks(positions, z, resolution, one.field, one.first, one.last, work, made)
    return made


def _put_single(column: Floats, plane: TrackerHits, origin: float) -> None:
    """Positions of the hits of a plane in the events that have exactly one there."""
    single = np.diff(plane.offsets) == 1
    found = plane.x[plane.offsets[:-1][single]].astype(np.float64) - origin
    column[single] = np.where(np.isfinite(found), found, np.nan)
