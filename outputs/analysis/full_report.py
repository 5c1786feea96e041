"""The report of a result, with the sections that other steps of the analysis add to it."""

from __future__ import annotations

from pathlib import Path

from na64.outputs.background.section import SECTION as BACKGROUND
from na64.outputs.blinding.opened_box import read_opened
from na64.outputs.control.beam.section import SECTION as BEAM
from na64.outputs.control.dimuon.section import SECTION as DIMUONS
from na64.outputs.limits.section import SECTION as LIMITS
from na64.outputs.report import write
from na64.outputs.report.opened_section import SECTION as OPENED
from na64.outputs.result.store import REPORT, read_result


def write_full_report(folder: Path, status: str | None = None) -> Path:
    """Report of a stored result with every section that something was left for in its folder.

    Parameters
    ----------
    folder : Path
    status : str, optional
        What stands after the name of the experiment in figures from now on, as ``Preliminary``.
    """
    products = read_result(folder)
    opening = read_opened(folder, products.summary)
    sections = (OPENED, BACKGROUND, DIMUONS, BEAM, LIMITS)
    return write.write_report(folder, products, sections=sections, opening=opening, status=status)


def complete_report(folder: Path) -> Path:
    """Report of a stored result; written unless it is there and of the same numbers and the same code."""
    return folder / REPORT if (folder / REPORT).exists() else write_full_report(folder)


def renew_report(folder: Path) -> list[str]:
    """Line that names the report after it was written again; empty if the result has none."""
    return [f"report: {write_full_report(folder)}"] if (folder / REPORT).exists() else []
