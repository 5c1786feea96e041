"""na64: columnar event processing for the NA64 experiment at CERN.

The names below are imported when they are first used; every other module is private and may move.
"""

from __future__ import annotations

import codecs
import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from na64.datasets.reading.schema import NA64Schema
    from na64.outputs.analysis.backgrounds import background
    from na64.outputs.analysis.beams import beam
    from na64.outputs.analysis.blinding import audit, freeze, unblind
    from na64.outputs.analysis.calibrations import calibrate
    from na64.outputs.analysis.campaigns import catalogue, simulate
    from na64.outputs.analysis.comparisons import compare, overlay
    from na64.outputs.analysis.counting import process
    from na64.outputs.analysis.efficiencies import efficiency
    from na64.outputs.analysis.limits import limits, project
    from na64.outputs.analysis.monitoring import monitor
    from na64.outputs.analysis.notebook import nanoevents, opened_schema
    from na64.outputs.analysis.result import Result, open_result
    from na64.outputs.analysis.scans import scan
    from na64.outputs.analysis.searches import searches
    from na64.outputs.analysis.single_events import events, show
    from na64.processors.features.plugin import cell_feature, feature
    from na64.processors.processor import NA64Processor

__version__ = "0.2.0"
__all__ = [
    "NA64Processor",
    "NA64Schema",
    "Result",
    "__version__",
    "audit",
    "background",
    "beam",
    "calibrate",
    "catalogue",
    "cell_feature",
    "compare",
    "efficiency",
    "events",
    "feature",
    "freeze",
    "limits",
    "monitor",
    "nanoevents",
    "open_result",
    "opened_schema",
    "overlay",
    "process",
    "project",
    "scan",
    "searches",
    "show",
    "simulate",
    "unblind",
]

_HOMES = {
    "NA64Processor": "na64.processors.processor",
    "NA64Schema": "na64.datasets.reading.schema",
    "Result": "na64.outputs.analysis.result",
    "audit": "na64.outputs.analysis.blinding",
    "background": "na64.outputs.analysis.backgrounds",
    "beam": "na64.outputs.analysis.beams",
    "calibrate": "na64.outputs.analysis.calibrations",
    "catalogue": "na64.outputs.analysis.campaigns",
    "compare": "na64.outputs.analysis.comparisons",
    "efficiency": "na64.outputs.analysis.efficiencies",
    "events": "na64.outputs.analysis.single_events",
    "cell_feature": "na64.processors.features.plugin",
    "feature": "na64.processors.features.plugin",
    "freeze": "na64.outputs.analysis.blinding",
    "limits": "na64.outputs.analysis.limits",
    "monitor": "na64.outputs.analysis.monitoring",
    "nanoevents": "na64.outputs.analysis.notebook",
    "open_result": "na64.outputs.analysis.result",
    "opened_schema": "na64.outputs.analysis.notebook",
    "overlay": "na64.outputs.analysis.comparisons",
    "process": "na64.outputs.analysis.counting",
    "project": "na64.outputs.analysis.limits",
    "scan": "na64.outputs.analysis.scans",
    "searches": "na64.outputs.analysis.searches",
    "show": "na64.outputs.analysis.single_events",
    "simulate": "na64.outputs.analysis.campaigns",
    "unblind": "na64.outputs.analysis.blinding",
}

if sys.flags.dev_mode:
    # Python's development mode looks error handlers up at once, and awkward 2.14 misspells one.
    codecs.register_error("surrogatescape", codecs.lookup_error("surrogateescape"))


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'na64' has no attribute {name!r}: there are {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
