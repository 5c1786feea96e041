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


LAYOUTS = {
    "tout2023": cells_x_first,
    "hits": hits_x_first_from_one,
    "hits in two branches": hits_in_two_branches,
}
"""Other ways to count the cells of the events that a packaged layout has."""

Count = Callable[[str, str], dict[str, bytes]]


@pytest.fixture(scope="module")
def count(
    simulate: Callable[..., Path],
    process: Callable[..., Path],
    canonical: Callable[[Path], dict[str, bytes]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Count:
    """Products of simulated files that were written by one layout and are read by another."""
    files: dict[str, Path] = {}

    def run(written: str, read: str) -> dict[str, bytes]:
        folder = tmp_path_factory.mktemp("orders")
        names = []
        for number, text in enumerate((written, read)):
            (folder / f"{number}.toml").write_text(text)
            names.append(str(folder / f"{number}.toml"))
        if written not in files:
            files[written] = simulate(folder, "small", 120, layout=names[0])
        products = f"products{len(list(files[written].parent.iterdir()))}"
        return canonical(
            process(files[written], "invisible_2023", name=products, catalogue=("--layout", names[1]))
        )

    return run


@pytest.mark.parametrize("name", LAYOUTS)
def test_products_do_not_depend_on_how_files_count_cells(name: str, count: Count) -> None:
    usual, other = load_layout(name.split(maxsplit=1)[0]).text, LAYOUTS[name]()
    assert other != usual
    products = count(usual, usual)
    assert count(other, other) == products
    assert b"8701" in products["yields.csv"]


def test_cells_taken_in_the_wrong_order_would_be_noticed_here(count: Count) -> None:
    right, wrong = cells_x_first(), _named(load_layout("tout2023").text, "")
    assert count(right, right)["cutflow.csv"] != count(right, wrong)["cutflow.csv"]
