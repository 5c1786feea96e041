"""The background of a closed box."""

from __future__ import annotations

from pathlib import Path

from na64.datasets.basics.turns import turn
from na64.outputs.analysis.full_report import renew_report
from na64.outputs.analysis.listening import Listener, Tell, silent
from na64.outputs.background.by_control import estimate_by_control, is_by_control
from na64.outputs.background.estimate import Estimate, Settings, estimate
from na64.outputs.background.files import of_estimate, write_background
from na64.outputs.background.inputs import stated_inputs
from na64.outputs.background.time_window import TIME_WINDOW, BeamElectrons
from na64.outputs.result.lacks import check_values
from na64.outputs.result.product_names import PRODUCTS
from na64.outputs.result.products import Products
from na64.outputs.result.store import read_result, require_result
from na64.selections.signal_box import DETECTORS


def background(
    folder: str | Path,
    *,
    rates: str | Path | None = None,
    simulation: str | Path | None = None,
    timing: str | Path | None = None,
    reason: str = "",
    end: float | None = None,
    start: float | None = None,
    hcal_start: float | None = None,
    hcal_stop: float = 20.0,
    one_slope: bool = False,
    tell: Tell = silent,
) -> Estimate:
    """Background in the closed box from what is beside it; table, figures and report are written.

    Parameters
    ----------
    folder : str or Path
        Where `process` wrote to.
    rates : str or Path, optional
        TOML file of sources that are products of rates; by default the packaged ones, which are incomplete.
    simulation : str or Path, optional
        Result of simulated dimuons with the same selection: the fraction of them that is lost.
    timing : str or Path, optional
        Result of the selection ``timing_beam`` on the same files: how often electrons lose energy to the time
        window. Without it, that is computed for Gaussian times.
    reason : str
        Why a file is right that is of another result, was edited, or does not say what it is of.
    end : float, optional
        End of fits in E_ECAL, GeV; by default below the turn-on of the trigger, which is measured.
    start, hcal_start : float, optional
        Begin of fits in E_ECAL and E_HCAL, GeV; by default the edge of the guard band.
    hcal_stop : float
        End of fits in E_HCAL, GeV.
    one_slope : bool
        Assume that each sideband goes into the box with a single slope.
    tell : callable
        Takes lines about the estimate.

    Returns
    -------
    na64.outputs.background.estimate.Estimate

    Raises
    ------
    FileNotFoundError
        The folder holds no result.
    ValueError
        A file does not belong to the result, too little is beside the box, or a cut passes none of a part
        of the events, whose files lack what it is on.

    Examples
    --------
    >>> found = na64.background("out")
    >>> found.table.rows[1].source
    'electron interactions in the target'
    """
    place = Path(folder)
    require_result(place)
    with turn(place, PRODUCTS, "na64 background"):
        products = read_result(place)
        simulated = read_result(Path(simulation)) if simulation is not None else None
        times = _beam_electrons(Path(timing)) if timing is not None else None
        for name, one in {folder: products, simulation: simulated}.items():
            if one is not None:
                check_values(one.summary, str(name))
        rates_file = Path(rates) if rates is not None else None
        stated = stated_inputs(
            place, products, rates_file, simulated, str(simulation), timing=times, reason=reason
        )
        settings = Settings(
            rates_file, end, hcal_stop, start=start, hcal_start=hcal_start, one_slope=one_slope
        )
        found = _estimate(products, settings, simulated, times)
        written = write_background(place, products, found, stated)
        listener = Listener(tell=tell)
        if products.summary.reasons:
            tell(f"INCOMPLETE: {products.summary.reasons[0]}")
        listener.say(of_estimate(found))
        if times and TIME_WINDOW not in (row.source for row in found.table.rows):
            tell(f"{TIME_WINDOW}: a cut excludes them; {times.name} is not used")
        tell(f"table: {written[0]}")
        listener.say(renew_report(place))
    return found


def _estimate(
    products: Products, settings: Settings, simulated: Products | None, times: BeamElectrons | None
) -> Estimate:
    """Background from sidebands in ECAL and HCAL energy, or from the control region of a box without them."""
    if not is_by_control(products):
        return estimate(products, settings, simulated, times)
    for name, given in (("simulation", simulated), ("timing", times)):
        if given is not None:
            raise ValueError(
                f"--{name}: is of a box below energies in {DETECTORS}, this one is of another kind"
            )
    return estimate_by_control(products, settings)


def _beam_electrons(folder: Path) -> BeamElectrons:
    require_result(folder)
    products = read_result(folder)
    check_values(products.summary, str(folder))
    return BeamElectrons(products, folder.resolve().name, products.digest)
