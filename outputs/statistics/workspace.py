"""The same model as a pyhf workspace: to be archived, and for its asymptotic limit as a cross-check.

Two things of pyhf 0.7.6 are not used. Its toys: the fluctuated auxiliary data order outcomes of equal counts,
which makes CLs too small when nothing is seen (and they fail with numpy 2.4). Its `upper_limit` without a
scan: it takes 95 % whatever level is asked for, which `toms748_scan` does not.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from na64.outputs.statistics.model import Channel, Model

SIGNAL = "signal"
PARAMETER = "signal_events"
"""The parameter of interest: signal events in all channels."""

_BOUNDS = (0.0, 60.0)
"""Of the signal, events."""

_LEAST = 1e-3
"""Signal from which a limit is looked for: at 0 pyhf divides by zero."""


def workspace(model: Model, observed: Sequence[int] | None) -> dict[str, Any]:
    """Model and counts as pyhf takes them: a channel a run period, `PARAMETER` the signal in events.

    Parameters
    ----------
    model : Model
    observed : sequence of int or None
        None while the box is closed: the expected background takes the place of the counts.
    """
    counts: Sequence[float] = observed or [channel.background for channel in model.channels]
    return {
        "version": "1.0.0",
        "channels": [
            {"name": channel.name, "samples": [_signal(model, channel), _background(channel)]}
            for channel in model.channels
        ],
        "observations": [
            {"name": channel.name, "data": [float(n)]}
            for channel, n in zip(model.channels, counts, strict=True)
        ],
        "measurements": [
            {
                "name": "observed" if observed else "expected background in place of counts",
                "config": {"poi": PARAMETER, "parameters": [_parameter()]},
            }
        ],
    }


def pyhf_limit(archived: Mapping[str, Any], *, level: float = 0.9) -> tuple[float, float]:
    """Asymptotic CLs limit of pyhf, observed and expected (median), in signal events.

    Parameters
    ----------
    archived : mapping
        Of `workspace`.
    level : float
    """
    import pyhf  # noqa: PLC0415 (a second to import)
    from pyhf.infer.intervals.upper_limits import toms748_scan  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "jsonschema.RefResolver is deprecated", DeprecationWarning)
        opened = pyhf.Workspace(archived)
        model = opened.model()
    data = opened.data(model)
    found, expected, _ = toms748_scan(
        data, model, _LEAST, _BOUNDS[1], level=1 - level, rtol=1e-5, from_upper_limit_fn=True
    )
    return float(found), float(np.asarray(expected[2]))


def _parameter() -> dict[str, Any]:
    return {"name": PARAMETER, "bounds": [list(_BOUNDS)], "inits": [1.0]}


def _signal(model: Model, channel: Channel) -> dict[str, Any]:
    modifiers: list[dict[str, Any]] = [{"name": PARAMETER, "type": "normfactor", "data": None}]
    modifiers += _log_normal("signal_error", model.signal_error)
    modifiers += _log_normal(f"signal_error_{channel.name}", channel.share_error)
    for name, size in channel.signal_effects:
        modifiers += _log_normal(f"signal_{name}", size)
    return {"name": SIGNAL, "data": [channel.share], "modifiers": modifiers}


def _background(channel: Channel) -> dict[str, Any]:
    modifiers = _log_normal(f"background_error_{channel.name}", channel.relative_background_error)
    for name, size in channel.background_effects:
        modifiers += _log_normal(f"background_{name}", size)
    return {"name": "background", "data": [channel.background], "modifiers": modifiers}


def _log_normal(name: str, error: float) -> list[dict[str, Any]]:
    """Nothing without an error; else the factors at one standard deviation."""
    if not error:
        return []
    return [{"name": name, "type": "normsys", "data": {"hi": math.exp(error), "lo": math.exp(-error)}}]
