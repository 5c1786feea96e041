"""A detector whose cells have constants of a calibration besides those of the period."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from na64.datasets.instrument.detector import Detector


@dataclass(frozen=True, slots=True)
class CalibratedDetector(Detector):
    """A detector with its own constants for every cell; numbered as `Detector.shape` says.

    Attributes
    ----------
    delay : tuple of float
        ns, one a cell: subtracted from every recorded time.
    measured_sigma : tuple of float
        ns, one a cell: takes the place of the resolution in the file; 0 where that, or the period's, is kept.
    baseline : tuple of float
        GeV as recorded, one a cell: subtracted before the scale from every energy that is not zero.
    """

    delay: tuple[float, ...] = field(kw_only=True)
    measured_sigma: tuple[float, ...] = field(kw_only=True)
    baseline: tuple[float, ...] = field(kw_only=True)

    def __post_init__(self) -> None:
        Detector.__post_init__(self)
        for what in ("delay", "measured_sigma", "baseline"):
            if len(values := getattr(self, what)) != self.n_cells:
                raise ValueError(f"{self.name}: {len(values)} values of {what} for {self.n_cells} cells")


def calibrate_detector(
    detector: Detector,
    *,
    scale: tuple[float, ...],
    delay: tuple[float, ...],
    sigma: tuple[float, ...],
    baseline: tuple[float, ...],
) -> CalibratedDetector:
    """Detector of a period with constants of its cells in place of the period's own.

    Parameters
    ----------
    detector : Detector
    scale, delay, sigma, baseline : tuple of float
        One a cell, see `CalibratedDetector`.
    """
    own: dict[str, Any] = {entry.name: getattr(detector, entry.name) for entry in fields(Detector)}
    return CalibratedDetector(**{**own, "scale": scale}, delay=delay, measured_sigma=sigma, baseline=baseline)
