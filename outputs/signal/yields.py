"""Dark photons per electron on target, in a thick target, at eps = 1: from the shipped table.

The number of events is the yield times eps^2, electrons on target and efficiency.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files

import correctionlib

from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.cross_sections import CrossSectionModel
from na64.outputs.signal.integration import BEAM_ENERGY, integrate_yield
from na64.outputs.signal.tables import (
    BEAM_ENERGIES,
    BOSONS,
    MASSES,
    thresholds_of,
    yields_file,
)


@cache
def _tables(beam_energy: float = BEAM_ENERGY) -> correctionlib.CorrectionSet:
    return _read(yields_file(beam_energy))


@cache
def _ratios() -> correctionlib.CorrectionSet:
    return _read(BOSONS)


def _read(name: str) -> correctionlib.CorrectionSet:
    text = (files(__package__) / name).read_text(encoding="utf-8")
    return correctionlib.CorrectionSet.from_string(text)


def _is_shipped(beam_energy: float, boson: Boson) -> bool:
    return beam_energy in BEAM_ENERGIES and (boson is Boson.VECTOR or beam_energy == BEAM_ENERGY)


def yield_per_eot(
    mass: float,
    *,
    threshold: float = 50.0,
    model: CrossSectionModel | str = CrossSectionModel.ETL,
    beam_energy: float = BEAM_ENERGY,
    boson: Boson = Boson.VECTOR,
) -> float:
    """Dark photons or other bosons per electron on target that take more than `threshold`, at eps = 1.

    Exact tree level with beams of `BEAM_ENERGIES` comes from a table, within 0.2 %, for masses of 1 MeV to
    1 GeV and thresholds of 20 to 80 % of the beam's energy; everything else is integrated, which takes about
    half a second. A beam of positrons makes as many as one of electrons.

    Parameters
    ----------
    mass : float, GeV
    threshold : float, GeV
        Least energy of the dark photon.
    model : CrossSectionModel or str
    beam_energy : float, GeV
    boson : Boson
        Scalars, pseudoscalars and axial vectors have a table for beams of 100 GeV.
    """
    chosen, thresholds = CrossSectionModel(model), thresholds_of(beam_energy)
    mass, threshold = float(mass), float(threshold)  # correctionlib takes no integers
    in_table = MASSES[0] <= mass <= MASSES[-1] and thresholds[0] <= threshold <= thresholds[-1]
    if chosen is CrossSectionModel.ETL and _is_shipped(beam_energy, boson) and in_table:
        ratio = 1.0 if boson is Boson.VECTOR else _ratios()[boson.value].evaluate(mass, threshold)
        return float(_tables(beam_energy)["yield"].evaluate(mass, threshold) * ratio)
    return _integrated(mass, threshold=threshold, model=chosen, beam_energy=beam_energy, boson=boson)


@lru_cache(4096)
def _integrated(
    mass: float, *, threshold: float, model: CrossSectionModel, beam_energy: float, boson: Boson
) -> float:
    return integrate_yield(mass, threshold=threshold, model=model, beam_energy=beam_energy, boson=boson)
