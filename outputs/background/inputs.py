"""What a background estimate is made of besides its result: rates, simulated dimuons, times of electrons."""

from __future__ import annotations

from pathlib import Path

from na64.datasets.basics.identity import bytes_digest
from na64.outputs.background.rates import cuts_of
from na64.outputs.background.time_window import BeamElectrons
from na64.outputs.result.origin import FoundOrigin, Origin, check, check_runs, origin_in
from na64.outputs.result.products import Products
from na64.outputs.result.request import log_use


def stated_inputs(
    folder: Path,
    products: Products,
    rates: Path | None,
    simulation: Products | None,
    name: str,
    *,
    timing: BeamElectrons | None = None,
    reason: str = "",
) -> dict[str, object]:
    """Facts about rates, simulation and timing, checked to be of the cuts and periods of a result.

    Parameters
    ----------
    folder : Path
        Of the result; if it is data, what is only stated is logged.
    products : Products
    rates : Path or None
        A file of products of rates; it says of which cuts with a line ``cuts = "..."``.
    simulation : Products or None
    name : str
        Of the simulation.
    timing : BeamElectrons, optional
    reason : str
        Why they are right although they are of something else, or do not say.

    Raises
    ------
    ValueError
        They are not, and no reason is stated.
    """
    facts: dict[str, object] = {}
    stated = []
    if rates is not None:
        facts["rates"] = {"name": rates.name, "sha256": bytes_digest(rates.read_bytes())}
        stated.append(_check_rates(rates, products, str(folder), reason))
    if simulation is not None:
        facts["simulation"] = dict(simulation.summary.products)
        stated.append(check_simulation(products, simulation, name, str(folder), reason=reason))
    if timing is not None:
        facts["timing"] = timing.facts
        stated.append(_check_timing(products, timing.products, timing.name, str(folder), reason))
    if lines := [line for line in stated if line]:
        facts["stated"] = lines
        if products.summary.is_data:
            log_use(folder, "stated", {"command": "background", **facts})
    return facts


def _check_rates(rates: Path, products: Products, folder: str, reason: str) -> str:
    cuts, wanted = cuts_of(rates), products.summary.selection.cuts_identity
    found = FoundOrigin(Origin("", cuts) if cuts else None)
    makes = f'a line cuts = "{wanted}" in it says that it is'
    return check(str(rates), found, Origin("", wanted), of=folder, makes=makes, reason=reason)


def _check_timing(products: Products, timing: Products, name: str, folder: str, reason: str) -> str:
    if timing.summary.is_data != products.summary.is_data:
        words = {True: "recorded events", False: "simulation"}
        one, other = (words[p.summary.is_data] for p in (timing, products))
        raise ValueError(f"{name} is of {one}, {folder} of {other}: times are measured with the same")
    wanted, found = (
        Origin("", "", origin_in(products.summary, "").setups),
        FoundOrigin(origin_in(timing.summary, "")),
    )
    makes = "na64 process --selection timing_beam with the same catalogue does"
    return check(name, found, wanted, of=folder, makes=makes, reason=reason)


def check_simulation(
    products: Products, simulation: Products, name: str, folder: str, *, reason: str = ""
) -> str:
    """Check that a simulation is of the periods of a result: of its beam, detector and box."""
    check_runs(products.summary, simulation.summary)
    wanted = Origin("", "", origin_in(products.summary, "").setups)
    found = FoundOrigin(origin_in(simulation.summary, ""))
    makes = "na64 process of a simulation of these periods does"
    return check(name, found, wanted, of=folder, makes=makes, reason=reason)
