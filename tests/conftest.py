"""The straight line as tests drive it: simulate, catalogue, process, read the products back."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from na64.run import main

CANONICAL = (
    "yields.csv",
    "yields.parquet",
    "cutflow.csv",
    "cutflow.parquet",
    "regions.csv",
    "histograms.uhi.zip",
)
SPEED = (HealthCheck.too_slow,)
settings.register_profile("na64", deadline=None, suppress_health_check=SPEED)  # machines are shared
settings.load_profile("na64")

IF_VARIED = ("variations.csv", "variations_yields.csv")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what came of every bad input and every fault, from all processes that ran tests."""
    reports = [report for listed in terminalreporter.stats.values() for report in listed]
    noted = [pair for r in reports if getattr(r, "when", "") == "call" for pair in r.user_properties]
    rows = [tuple(values) for name, values in noted if name == "outcome"]
    if rows:
        terminalreporter.section("bad inputs and faults: case, outcome, reason")
    for case, outcome, reason in sorted(rows, key=lambda row: _number_first(row[0])):
        terminalreporter.write_line(f"{case:44s} {outcome:11s} {reason}".rstrip()[:200])


def _number_first(case: str) -> tuple[int, str]:
    digits = case[: len(case) - len(case.lstrip("0123456789"))]
    return int(digits or 1000), case


@pytest.fixture(scope="session")
def simulate() -> Callable[..., Path]:
    """Write the files of a packaged campaign into ``folder/data``."""

    def write(folder: Path, campaign: str, events: int, **options: str) -> Path:
        more = [word for name, value in options.items() for word in (f"--{name}", value)]
        size = ["--events", str(events)]
        assert main(["simulate", campaign, "--to", str(folder / "data"), *size, *more]) == 0
        return folder / "data"

    return write


@pytest.fixture(scope="session")
def process() -> Callable[..., Path]:
    """Catalogue a folder of run files beside it, and process that without a report."""

    def run(
        files: Path, selection: str, *options: str, name: str = "products", catalogue: tuple[str, ...] = ()
    ) -> Path:
        listed, products = files.parent / f"{files.name}.json", files.parent / name
        assert main(["catalogue", str(files), "--to", str(listed), *catalogue]) == 0
        command = ["process", str(listed), "--selection", selection, "--to", str(products), "--no-report"]
        executor = [] if "--executor" in options else ["--executor", "iterative"]
        assert main([*command, *executor, *options]) == 0
        return products

    return run


@pytest.fixture(scope="session")
def canonical() -> Callable[[Path], dict[str, bytes]]:
    """Read the products that are the same byte for byte for equal input."""

    def read(folder: Path) -> dict[str, bytes]:
        varied = [name for name in IF_VARIED if (folder / name).exists()]
        return {name: (folder / name).read_bytes() for name in (*CANONICAL, *varied)}

    return read


@pytest.fixture(scope="session")
def rows() -> Callable[[Path], list[dict[str, str]]]:
    """Read a CSV product."""

    def read(path: Path) -> list[dict[str, str]]:
        with path.open(newline="") as stream:
            return list(csv.DictReader(stream))

    return read
