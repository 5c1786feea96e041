"""Comments and blank lines of selections, layouts and periods count nothing again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from na64.datasets.catalogue.build import Catalogue, FileRecord, SampleKind
from na64.datasets.conditions.periods import load_periods
from na64.datasets.reading.layout import load_layout
from na64.processors.job import build_job, file_context
from na64.run import main
from na64.selections.selection import load_selection

FILE = FileRecord(
    "a.root", "a" * 64, "b" * 16, 9, "ttree", "tout", "own", 30, {9001: 30}, ((0, 30),), ({9001: (1,)},)
)


def commented(text: str) -> str:
    """The same table with a remark at every end of a line that no text goes on over."""
    return "# first\n\n" + text.replace("\n\n", "\n\n# between\n\n") + "\n# last"


def key(folder: Path) -> str:
    """Name of what is counted of a file with the selection, layout and period in a folder."""
    layout = load_layout(folder / "own.toml")
    periods = load_periods(folder / "periods")
    catalogue = Catalogue(SampleKind.DATA, (FILE,), layouts={"own": layout.text})
    job = build_job(catalogue, load_selection(folder / "mine.toml"), periods=periods)
    return job.result_key(file_context(FILE, job), 0, 30)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    (folder / "periods").mkdir()
    for what, name, path in (
        ("layout", "own", folder / "own.toml"),
        ("selection", "mine", folder / "mine.toml"),
        ("period", "2024X", folder / "periods" / "2024X.toml"),
    ):
        assert main(["init", what, name, "--to", str(path)]) == 0
    return folder


@pytest.mark.parametrize("name", ["own.toml", "mine.toml", "periods/2024X.toml"])
def test_a_comment_counts_nothing_again(plain: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(plain, tmp_path / "copy")
    path = folder / name
    path.write_text(commented(path.read_text()))
    assert path.read_text() != (plain / name).read_text()
    assert key(folder) == key(plain)
