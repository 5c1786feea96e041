"""What figures of a calibration or a monitoring say of the events they are made of."""

from __future__ import annotations

from collections.abc import Iterator

from na64.datasets.catalogue.build import Catalogue, SampleKind
from na64.datasets.conditions.conditions import RunFacts
from na64.datasets.conditions.on_target import add_by_kind
from na64.outputs.report.heading import italic, named_runs, power_of_ten
from na64.outputs.result.summary import PSEUDO_DATA
from na64.processors.job import Job


def heading_of(catalogue: Catalogue, job: Job, status: str = "") -> str:
    """Two lines above a figure: status and origin of the events; exposure as stated, periods and beam.

    The exposure is of physics runs, as above other figures; of all if there are none.

    Parameters
    ----------
    catalogue : Catalogue
    job : Job
        Whose runs are looked at.
    status : str
        As ``Preliminary``; empty for none.
    """
    facts = list(_facts(catalogue, job))
    rated = [one for _, one in facts if one.type.is_physics] or [one for _, one in facts]
    kinds = add_by_kind((one.particle or "", one.eot_delivered, one.eot_live) for one in rated)
    known = all(one.eot_delivered is not None for one in rated)
    exposures = [f"{power_of_ten(e.delivered)} {e.label}" for e in kinds if known and e.delivered]
    beams = named_runs((period, one.particle or "", one.energy or 0.0) for period, one in facts)
    origin = origin_of(catalogue)
    first = f"{italic(status)} {origin}" if status else origin
    return f"{first}\n{', '.join([*exposures, *beams])}"


def _facts(catalogue: Catalogue, job: Job) -> Iterator[tuple[str, RunFacts]]:
    periods = catalogue.known_periods()
    for run, context in job.runs.items():
        yield context.period, periods[context.period].facts(run, catalogue.run_facts.get(run))


def origin_of(catalogue: Catalogue) -> str:
    """Data, simulation, or pseudo-data."""
    if catalogue.kind is SampleKind.SIMULATION:
        return "simulation"
    simulated = any(record.truth for record in catalogue.good)
    return f"{PSEUDO_DATA if simulated else 'data'}, blind"
