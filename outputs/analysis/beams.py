"""The beam, the spectrometer and the SRD as measurements."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from na64.datasets.basics.turns import turn
from na64.outputs.analysis.full_report import renew_report
from na64.outputs.analysis.listening import Listener, Tell, silent
from na64.outputs.control.beam.files import measure_result, write_beam
from na64.outputs.control.beam.measure import BeamMeasurement
from na64.outputs.control.beam.names import BEAM, FIGURES
from na64.outputs.control.beam.settings import load_settings
from na64.outputs.control.beam.text import lines
from na64.outputs.events.analysis import reopen
from na64.outputs.result.product_names import PRODUCTS
from na64.outputs.result.store import require_result


def beam(
    folder: str | Path,
    *,
    hadrons: str | Path | None = None,
    muons: str | Path | None = None,
    positions: Sequence[str] | None = None,
    settings: str | Path | None = None,
    tell: Tell = silent,
    note: Tell | None = None,
) -> BeamMeasurement:
    """Beam of a result: momentum, angle, composition and SRD by run; table, figures and report are written.

    Parameters
    ----------
    folder : str or Path
        Where `process` wrote to, with the selection ``beam_2023`` or another without a cut that chooses
        particles.
    hadrons, muons : str or Path, optional
        Results of the same cuts in which only hadrons, or only muons, reach the detector: how efficient their
        tags are. Without them there are tagged shares, and no fractions of the beam.
    positions : sequence of str, optional
        Features in mm that show where the beam is; by default the first hits of the trackers of the period.
    settings : str or Path, optional
        TOML file of field, window of the SRD and tags; by default the packaged one.
    tell : callable
        Takes lines about what was found.
    note : callable, optional
        Takes what is to be known besides; by default that is logged.

    Returns
    -------
    na64.outputs.control.beam.measure.BeamMeasurement

    Raises
    ------
    FileNotFoundError
        A folder holds no result.
    KeyError, ValueError
        A cut has chosen particles, a pure sample does not go with the result, or a feature is not there.

    Examples
    --------
    >>> found = na64.beam("beam_out")
    >>> found.samples[0].everything["momentum"].unit
    'GeV'
    """
    place = Path(folder)
    require_result(place)
    chosen = load_settings(Path(settings) if settings is not None else None)
    listener = Listener(tell=tell, note=note)
    with turn(place, PRODUCTS, "na64 beam"):
        analysis = reopen(place)
        pure = {tag: reopen(Path(of)) for tag, of in (("hadron", hadrons), ("muon", muons)) if of is not None}
        for one in (analysis, *pure.values()):
            if one.other_code:
                listener.warn(f"note: {one.folder} was made by another version of the code")
            if reasons := one.products.summary.reasons:
                tell(f"INCOMPLETE: {one.folder.name}: {reasons[0]}")
        found = measure_result(analysis, chosen, pure, positions)
        write_beam(place, analysis.products, found)
        listener.say(lines(found))
        tell(f"table: {place / BEAM}; plots: {place / FIGURES}")
        listener.say(renew_report(place))
    return found
