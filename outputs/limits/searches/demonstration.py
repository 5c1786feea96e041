"""Demonstration of a search: what is simulated as data for it, and what that is processed with."""

from __future__ import annotations

from dataclasses import dataclass

from na64.datasets.basics.toml import TomlTable


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What `na64 demo --search` runs.

    Attributes
    ----------
    campaign, layout : str
        Packaged campaign that is simulated as data, and the layout of its files.
    selections : tuple of str
        Each has a box of the search: its background, efficiency and limit are computed.
    controls : tuple of str
        Selections that are processed, and no more.
    runs : dict of str to (int, int)
        First and last run of periods whose runs are not public: numbers of the campaign, not of NA64.
    """

    campaign: str
    layout: str
    selections: tuple[str, ...]
    controls: tuple[str, ...]
    runs: dict[str, tuple[int, int]]


def read_demonstration(table: TomlTable) -> Demonstration:
    """Read the table ``[demo]`` of a card."""
    return Demonstration(
        campaign=table.text("campaign"),
        layout=table.text("layout"),
        selections=table.texts("selections"),
        controls=table.texts("controls", ()),
        runs=_runs(table.table("runs")) if "runs" in table.names() else {},
    )


def _runs(table: TomlTable) -> dict[str, tuple[int, int]]:
    """Run range of each period."""
    found: dict[str, tuple[int, int]] = {}
    for period in table.names():
        numbers = table.integers(period)
        if len(numbers) != 2 or numbers[0] > numbers[1]:
            raise ValueError(f"{table.place(period)}: expected a first and a last run")
        found[period] = (numbers[0], numbers[1])
    return found
