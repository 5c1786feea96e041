"""What a background estimate is made of besides its result: rates and simulated dimuons of its kind."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from na64.outputs.background.rates import cuts_of
from na64.outputs.result.origin import FoundOrigin, Origin, check, origin_in
from na64.outputs.result.products import Products
from na64.outputs.result.request import log_use


def stated_inputs(
    folder: Path,
    products: Products,
    rates: Path | None,
    simulation: Products | None,
    name: str,
    *,
    reason: str = "",
) -> dict[str, object]:
    """Check that rates and simulation are of the cuts and periods of a result; give facts about them.

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
        facts["rates"] = {"name": rates.name, "sha256": sha256(rates.read_bytes()).hexdigest()}
        stated.append(_check_rates(rates, products, str(folder), reason))
    if simulation is not None:
        facts["simulation"] = dict(simulation.summary.products)
        stated.append(check_simulation(products, simulation, name, str(folder), reason=reason))
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


def check_simulation(
    products: Products, simulation: Products, name: str, folder: str, *, reason: str = ""
) -> str:
    """Check that a simulation is of the periods of a result: of its beam, detector and box."""
    wanted = Origin("", "", origin_in(products.summary, "").setups)
    found = FoundOrigin(origin_in(simulation.summary, ""))
    makes = "na64 process of a simulation of these periods does"
    return check(name, found, wanted, of=folder, makes=makes, reason=reason)
