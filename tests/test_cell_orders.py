"""Files that count their cells otherwise give the same products, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from na64.datasets.reading.layout import load_layout

PARTS = """cell_plane = {{ branch = "{0}_plane" }}
cell_x = {{ branch = "{0}_x" }}
cell_y = {{ branch = "{0}_y" }}"""
ONE_PLANE = PARTS.partition("\n")[2]
SHAPES = {"ecal": "[2, 5, 6]", "hcal": "[4, 3, 3]", "vhcal": "[4, 4]", "srd": "[3]", "veto": "[6]"}


def cells_x_first() -> str:
    return _named(load_layout("tout2023").text, 'cell_order = "x_fastest"')


def hits_x_first_from_one() -> str:
    text = _named(load_layout("hits").text, 'cell_order = "x_fastest"')
    for name, shape in SHAPES.items():
        text = text.replace(f"[{name}]\n", f"[{name}]\nfirst_cell = 1\nshape = {shape}\n")
    return text


def hits_in_two_branches() -> str:
    text = _named(load_layout("hits").text, "")
    for name in ("ecal", "hcal", "vhcal"):
        text = text.replace(f"[{name}]\n", f"[{name}]\nfirst_cell = 1\nshape = {SHAPES[name]}\n")
        parts = ONE_PLANE if name == "vhcal" else PARTS
        text = text.replace(f'cell = {{ branch = "{name}_cell" }}', parts.format(name))
    return text


def _named(text: str, line: str) -> str:
    name = text.splitlines()[0]
    return text.replace(name, f'name = "mine"\n{line}', 1)


OTHER = [("tout2023", cells_x_first), ("hits", hits_x_first_from_one), ("hits", hits_in_two_branches)]


@pytest.mark.parametrize("case", OTHER)
def test_products_do_not_depend_on_how_files_count_cells(
    case: tuple[str, Callable[[], str]],
    simulate: Callable[..., Path],
    process: Callable[..., Path],
    canonical: Callable[[Path], dict[str, bytes]],
    tmp_path: Path,
) -> None:
    usual, other = case
    layout = tmp_path / "mine.toml"
    layout.write_text(other())
    assert "mine" in layout.read_text()
    products = [
        canonical(process(simulate(tmp_path / "usual", "small", 300, layout=usual), "invisible_2023")),
        canonical(
            process(
                simulate(tmp_path / "other", "small", 300, layout=str(layout)),
                "invisible_2023",
                catalogue=("--layout", str(layout)),
            )
        ),
    ]
    assert products[0] == products[1]
    assert b"8701" in products[0]["yields.csv"]


def test_cells_taken_in_the_wrong_order_would_be_noticed_here(
    simulate: Callable[..., Path],
    process: Callable[..., Path],
    canonical: Callable[[Path], dict[str, bytes]],
    tmp_path: Path,
) -> None:
    layout = tmp_path / "mine.toml"
    layout.write_text(cells_x_first())
    files = simulate(tmp_path, "small", 300, layout=str(layout))
    layout.write_text(_named(load_layout("tout2023").text, ""))
    wrong = canonical(process(files, "invisible_2023", name="wrong", catalogue=("--layout", str(layout))))
    layout.write_text(cells_x_first())
    right = canonical(process(files, "invisible_2023", name="right", catalogue=("--layout", str(layout))))
    assert wrong["cutflow.csv"] != right["cutflow.csv"]
