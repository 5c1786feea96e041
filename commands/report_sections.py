"""The report of a result, with the sections that other commands add to it."""

from __future__ import annotations

from pathlib import Path


def write_full_report(folder: Path) -> Path:
    """Write the report of a stored result with every section that something was left for in its folder."""
    from na64.outputs.background.section import SECTION as BACKGROUND
    from na64.outputs.blinding.opened_box import read_opened
    from na64.outputs.control.dimuon.section import SECTION as DIMUONS
    from na64.outputs.limits.section import SECTION as LIMITS
    from na64.outputs.report.opened_section import SECTION as OPENED
    from na64.outputs.report.write import write_report
    from na64.outputs.result.store import read_result

    products = read_result(folder)
    opening = read_opened(folder, products.summary)
    sections = (OPENED, BACKGROUND, DIMUONS, LIMITS)
    return write_report(folder, products, sections=sections, opening=opening)


def complete_report(folder: Path) -> Path:
    """Write the report of a stored result unless it is there and of the same numbers and the same code."""
    from na64.outputs.result.store import REPORT

    return folder / REPORT if (folder / REPORT).exists() else write_full_report(folder)


def renew_report(folder: Path) -> None:
    """Write the report of a result again with what a command has added to its folder, if it has one."""
    from na64.outputs.result.store import REPORT

    if (folder / REPORT).exists():
        print(f"report: {write_full_report(folder)}")
