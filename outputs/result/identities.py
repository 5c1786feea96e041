"""What a result depends on, part by part, so that a difference can be told."""

from __future__ import annotations

from functools import lru_cache

from na64.datasets.basics.identity import identity
from na64.datasets.catalogue.build import Catalogue
from na64.datasets.compiled.jit import kernel_digest
from na64.datasets.conditions.conditions import spill_columns
from na64.datasets.instrument.detector import Setup
from na64.processors.code_digests import feature_digest, result_digest
from na64.processors.job import Job


def parts_of_job(job: Job) -> dict[str, str]:
    """Name what all runs of a job depend on, part by part."""
    return {
        "selection": job.selection.identity,
        "kernels": kernel_digest(),
        "code of features": feature_digest(),
        "code of counting": result_digest(),
        "plug-in": job.plugin.identity if job.plugin else "none",
        **({} if job.calibration is None else {"calibration": job.calibration.identity}),
    }


def parts_of_run(catalogue: Catalogue, job: Job, run: int) -> dict[str, str]:
    """Name what one run depends on besides, part by part; every file by its content."""
    context = job.runs[run]
    files: dict[str, list[str]] = {}
    for record in catalogue.files_of_runs.get(run, ()):
        files.setdefault(f"file {record.name}", []).append(record.sha256)
        files.setdefault(f"layout {record.layout}", [job.layouts[record.layout].identity])
    return {
        "period": _identity_of_period(context.period, context.uncalibrated or context.setup),
        "run type": context.type.value,
        "box": job.hidden_region(run),
        "bad list": identity(job.bad.of_run(run)),
        "exposure": identity(
            [catalogue.run_facts.get(run), spill_columns(catalogue.spills_of_runs.get(run, ()))]
        ),
        **{name: " ".join(sorted(found)) for name, found in files.items()},
    }


@lru_cache(maxsize=64)
def _identity_of_period(name: str, setup: Setup) -> str:
    return identity([name, setup])
