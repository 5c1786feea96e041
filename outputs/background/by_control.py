"""The background of a box that is not below two energies: shapes of control regions, and products."""

from __future__ import annotations

from na64.outputs.background.control_shape import control_shape
from na64.outputs.background.estimate import Estimate, Settings, check_regions, yields_of
from na64.outputs.background.rates import load_sources, products_of
from na64.outputs.background.table import BackgroundTable
from na64.outputs.result.products import Products
from na64.selections.signal_box import DETECTORS


def is_by_control(products: Products) -> bool:
    """Whether the box of a result is not one that has sidebands in the energies of ECAL and HCAL."""
    return any(not box.is_rectangle for box in products.summary.boxes)


def estimate_by_control(products: Products, settings: Settings) -> Estimate:
    """Estimate the background in the box of a result, of whose search a file lists the sources.

    Parameters
    ----------
    products : Products
    settings : Settings
        Of which only the file counts; others are refused.

    Raises
    ------
    ValueError
        Boxes of several searches, no file of sources, or one that asks for what the selection does not have.
    """
    searches = list(dict.fromkeys(box.search for box in products.summary.boxes))
    if len(searches) != 1 or not all(not box.is_rectangle for box in products.summary.boxes):
        raise ValueError(
            "some periods have a box below two energies and others do not: process one at a time"
        )
    _check_settings(settings, searches[0])
    shapes, sources = load_sources(settings.rates, searches[0])
    periods = list(dict.fromkeys(box.period for box in products.summary.boxes))
    sources = products_of(sources, periods)
    check_regions(settings.rates, sources, products.summary.selection.region_names)
    found = tuple(control_shape(products, shape) for shape in shapes)
    yields = yields_of(products)
    rows = [*(one.row() for one in found), *(source.row(yields) for source in sources)]
    return Estimate(BackgroundTable(tuple(rows)), None, (), shapes=found)


def _check_settings(settings: Settings, search: str) -> None:
    """Refuse what only sidebands in the energies of `DETECTORS` have."""
    for name in ("end", "start", "hcal_start", "hcal_stop", "one_slope"):
        value = getattr(settings, name)
        if value != getattr(Settings(), name):
            option = f"--{name.replace('_', '-')}{'' if value is True else f' {value:g}'}"
            raise ValueError(
                f"{option}: is of sidebands in {DETECTORS} energy, which the box of "
                f"search {search} does not have"
            )
