"""What the log says when files are registered: claims of simulation, and layouts that are not packaged."""

from __future__ import annotations

from pathlib import Path

from na64.datasets.catalogue.build import Catalogue, SampleKind
from na64.datasets.reading.layout_differences import describe_layout, own_layouts
from na64.outputs.result import audit_log
from na64.outputs.result.request import LOG


def log_catalogue(catalogue: Catalogue, path: Path, *, reason: str | None = None) -> None:
    """Add lines to the log beside a catalogue, before that is written, if nothing else would show something.

    Parameters
    ----------
    catalogue : Catalogue
    path : Path
        Where it is written to.
    reason : str, optional
        Why files that do not say so are simulation.
    """
    log = path.with_name(LOG)
    if catalogue.kind is SampleKind.SIMULATION and catalogue.claimed:
        audit_log.append(
            log, "catalogue_simulation", _claims(catalogue) | ({"reason": reason} if reason else {})
        )
    if catalogue.kind is SampleKind.DATA and catalogue.layouts:
        layouts = {name: describe_layout(catalogue.layout(name)) for name in sorted(catalogue.layouts)}
        named = [catalogue.layout(name) for name in sorted(catalogue.layouts)]
        own = own_layouts(named, catalogue.closed)
        audit_log.append(log, "catalogue_layout", {"layouts": layouts, "own_layouts": own})


def _claims(catalogue: Catalogue) -> dict[str, object]:
    by_layout = [record for record in catalogue.claimed if record.truth]
    return {
        "without_truth": [record.sha256 for record in catalogue.claimed if not record.truth],
        "truth_by_layout": {
            name: [record.sha256 for record in by_layout if record.layout == name]
            for name in sorted({record.layout for record in by_layout})
        },
        "layouts": {name: describe_layout(catalogue.layout(name)) for name in sorted(catalogue.layouts)},
    }
