"""Passes over the visible events of a catalogue that are not counts: how they are begun, logged and done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from na64.datasets.basics.run_ranges import to_ranges
from na64.datasets.calibration.constants import Calibration
from na64.datasets.catalogue.build import Catalogue, SampleKind
from na64.outputs.result import audit_log
from na64.outputs.result.hidden_regions import lines_of_pass, log_details
from na64.outputs.result.request import LOG
from na64.outputs.result.store import RESULT
from na64.processors.job import Job

_DONE = {"calibrate": "calibrated", "monitor": "monitored"}


@dataclass(frozen=True, slots=True)
class Pass:
    """What is looked at.

    Attributes
    ----------
    path : Path
        Of the catalogue.
    catalogue : Catalogue
    job : Job
    command : str
        ``calibrate`` or ``monitor``.
    """

    path: Path
    catalogue: Catalogue
    job: Job
    command: str


def log_pass(asked: Pass, reference: Calibration | None = None) -> list[str]:
    """Log that visible events of data are about to be looked at; lines that say what is hidden."""
    if asked.catalogue.kind is not SampleKind.DATA:
        return []
    details: dict[str, Any] = {
        "selection": asked.job.selection.name,
        "selection_identity": asked.job.selection.identity,
        "catalogue": asked.catalogue.identity,
        "runs": to_ranges(asked.job.runs),
        "reference": None if reference is None else reference.identity,
        **log_details(asked.job, asked.catalogue),
    }
    audit_log.append(asked.path.with_name(LOG), asked.command, details)
    return list(lines_of_pass({**details, "hides_less": ()}))


def log_product(asked: Pass, details: dict[str, Any]) -> None:
    """Log what came of it."""
    if asked.catalogue.kind is SampleKind.DATA:
        audit_log.append(asked.path.with_name(LOG), _DONE[asked.command], details)


def check_folder(folder: Path, command: str) -> None:
    """Refuse a folder that holds something else.

    Raises
    ------
    ValueError
        It has a result of `na64 process`.
    """
    if (folder / RESULT).exists():
        raise ValueError(
            f"{folder}: holds a result of na64 process; {command} writes into a folder of its own"
        )
