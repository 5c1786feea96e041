"""Names of the code, besides the kernels, that features and counts depend on."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from na64.datasets.basics.identity import source_digest

_PACKAGE = Path(__file__).parents[1]

# Too many rather than too few: a module that is left out leaves stale results in use.
_FEATURE_SOURCES = (
    "datasets/basics/*.py",
    "datasets/calibration/*.py",
    "datasets/catalogue/*.py",
    "datasets/conditions/*.py",
    "datasets/instrument/*.py",
    "datasets/reading/*.py",
    "datasets/servers/*.py",
    "processors/events/feature_store.py",
    "processors/events/segment.py",
    "processors/events/visible_events.py",
    "processors/features/*.py",
    "selections/boxes.py",
    "selections/hidden.py",
    "selections/signal_box.py",
    "selections/variations.py",
)

_RESULT_SOURCES = ("processors/counting/*.py", "selections/*.py")


@cache
def feature_digest(package: Path = _PACKAGE) -> str:
    """Name the code, besides the kernels, that turns a file into visible features."""
    return _digest(_FEATURE_SOURCES, package)


@cache
def result_digest(package: Path = _PACKAGE) -> str:
    """Name the code, besides the kernels, that turns features into tallies."""
    return _digest(_RESULT_SOURCES, package)


def _digest(patterns: Iterable[str], package: Path) -> str:
    return source_digest(path for pattern in patterns for path in package.glob(pattern))
