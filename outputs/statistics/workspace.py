"""The same model as a pyhf workspace: to be archived, and for its asymptotic limit as a cross-check.

Two things of pyhf 0.7.6 are not used. Its toys: the fluctuated auxiliary data order outcomes of equal counts,
which makes CLs too small when nothing is seen (and they fail with numpy 2.4). Its `upper_limit` without a
scan: it takes 95 % whatever level is asked for, which `toms748_scan` does not.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from na64.outputs.statistics.model import Channel, Model
from na64.outputs.statistics.one_sided import Gamma

SIGNAL = "signal"
PARAMETER = "signal_events"
"""The parameter of interest: signal events in all channels."""

_LEAST_BOUND = 60.0
"""Events: the signal is looked for up to here at least, or `_BOUND` times what is seen and expected."""

_BOUND = 4.0

_LARGEST_FACTOR = 25.0
"""On the mean of a source that is a limit."""

_LEAST = 1e-3
"""Signal from which a limit is looked for: at 0 pyhf divides by zero."""


def workspace(model: Model, observed: Sequence[int] | None) -> dict[str, Any]:
    """Model and counts as pyhf takes them: a channel a run period, `PARAMETER` the signal in events.

    A source that is a limit is a channel too: the count in a control region that leaves its distribution.

    Parameters
    ----------
    model : Model
    observed : sequence of int or None
        None while the box is closed: the expected background takes the place of the counts.
    """
    counts: Sequence[float] = observed or [channel.expected for channel in model.channels]
    limits = _limits(model)
    return {
        "version": "1.0.0",
        "channels": [
            {
                "name": channel.name,
                "samples": [_signal(model, channel), _background(channel), *_one_sided(channel)],
            }
            for channel in model.channels
        ]
        + [_control(name, source) for name, source in limits.items()],
        "observations": [
            {"name": channel.name, "data": [float(n)]}
            for channel, n in zip(model.channels, counts, strict=True)
        ]
        + [{"name": _named(name), "data": [source.shape - 1]} for name, source in limits.items()],
        "measurements": [
            {
                "name": "observed" if observed else "expected background in place of counts",
                "config": {"poi": PARAMETER, "parameters": _parameters(model, counts)},
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

    Raises
    ------
    pyhf.exceptions.FailedMinimization
        A fit did not converge; nothing else is said of it.
    """
    import pyhf  # noqa: PLC0415 (a second to import)
    from pyhf.infer.intervals.upper_limits import toms748_scan  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "jsonschema.RefResolver is deprecated", DeprecationWarning)
        opened = pyhf.Workspace(archived)
        model = opened.model()
    data = opened.data(model)
    highest = next(p for p in archived["measurements"][0]["config"]["parameters"] if p["name"] == PARAMETER)
    with _silent("pyhf"), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        found, expected, _ = toms748_scan(
            data, model, _LEAST, highest["bounds"][0][1], level=1 - level, rtol=1e-5, from_upper_limit_fn=True
        )
    return float(found), float(np.asarray(expected[2]))


@contextmanager
def _silent(name: str) -> Iterator[None]:
    """Loggers of a package without a word: pyhf logs the whole result of a failed fit, and then raises."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def _parameters(model: Model, counts: Sequence[float]) -> list[dict[str, Any]]:
    highest = max(_LEAST_BOUND, _BOUND * (math.fsum(counts) + model.background))
    signal = {"name": PARAMETER, "bounds": [[0.0, highest]], "inits": [1.0]}
    limits = [
        {"name": _named(name), "bounds": [[0.0, _LARGEST_FACTOR]], "inits": [1.0]} for name in _limits(model)
    ]
    return [signal, *limits]


def _limits(model: Model) -> dict[str, Gamma]:
    """Limits by name; of several channels the first has the shape of all."""
    found: dict[str, Gamma] = {}
    for channel in model.channels:
        for name, source in channel.one_sided:
            found.setdefault(name, source)
    return found


def _named(name: str) -> str:
    return f"limit_{name}"


def _control(name: str, source: Gamma) -> dict[str, Any]:
    """Control region whose count leaves the distribution of a limit: its mean is in common with the box."""
    return {"name": _named(name), "samples": [_scaled(name, source.shape)]}


def _one_sided(channel: Channel) -> list[dict[str, Any]]:
    return [_scaled(name, source.mean) for name, source in channel.one_sided]


def _scaled(name: str, mean: float) -> dict[str, Any]:
    factor = {"name": _named(name), "type": "normfactor", "data": None}
    return {"name": _named(name), "data": [mean], "modifiers": [factor]}


def _signal(model: Model, channel: Channel) -> dict[str, Any]:
    modifiers: list[dict[str, Any]] = [{"name": PARAMETER, "type": "normfactor", "data": None}]
    modifiers += _log_normal("signal_error", model.signal_error)
    modifiers += _log_normal(f"signal_error_{channel.name}", channel.signal_fraction_error)
    for name, size in channel.signal_effects:
        modifiers += _log_normal(f"signal_{name}", size)
    return {"name": SIGNAL, "data": [channel.signal_fraction], "modifiers": modifiers}


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
