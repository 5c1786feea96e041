"""The report of a result, with the sections that other commands add to it."""

from __future__ import annotations

from pathlib import Path


def write_full_report(folder: Path) -> Path:
    """Write the report of a stored result with every section that something was left for in its folder."""
    from na64.outputs.background.section import SECTION as BACKGROUND
    from na64.outputs.control.dimuon.section import SECTION as DIMUONS
    from na64.outputs.limits.section import SECTION as LIMITS
    from na64.outputs.report.write import write_report
    from na64.outputs.result.store import read_result

    return write_report(folder, read_result(folder), sections=(BACKGROUND, DIMUONS, LIMITS))


def renew_report(folder: Path) -> None:
    """Write the report of a result again with what a command has added to its folder, if it has one."""
    from na64.outputs.result.store import REPORT

    if (folder / REPORT).exists():
        print(f"report: {write_full_report(folder)}")
