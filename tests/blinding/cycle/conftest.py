"""A campaign and its blind analysis, and the commands on it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from na64.outputs.result.audit_log import entries
from na64.run import main

CYCLE_EVENTS = 3_000


CUTS = {
    "trigger": "trigger_physics = { min = 1, max = 1 }",
    "master_time": 'master_time = { min = 86.5, max = 113.5, unit = "ns" }',
    "momentum": 'track_momentum = { above = 90, below = 110, unit = "GeV" }',
    "vhcal": 'vhcal_total = { below = 1.5, unit = "GeV" }',
    "hcal3": 'hcal_3_total = { below = 2, unit = "GeV" }',
}


SELECTION = """
base = "invisible_2023"
name = "mine"
label = "a short search for missing energy"
description = "five cuts"
yields_after = "hcal3"
histogram = []
""" + "".join(f'[[cut]]\nname = "{name}"\nsource = "test"\n{line}\n' for name, line in CUTS.items())


class Analysis:
    """A folder with a campaign and its analysis, and the commands on it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.result, self.log = folder, folder / "out", folder / "audit.jsonl"
        self.selection = folder / "mine.toml"

    def process(self, *options: str, code: int = 0) -> None:
        line = ["process", str(self.folder / "catalogue.json"), "--selection", str(self.selection)]
        line += ["--to", str(self.result), "--executor", "iterative", "--no-report"]
        assert main([*line, *options]) == code

    def select(self, old: str, new: str) -> None:
        """Change the selection from what it is at first."""
        assert old in SELECTION
        self.selection.write_text(SELECTION.replace(old, new))

    def limits(self, *options: str, code: int = 0) -> None:
        line = ["limits", str(self.result), "--efficiency", "0.5", "--points", "3", "--level", "0.9"]
        assert main([*line, *options]) == code

    def freeze(self, *options: str) -> str:
        assert main(["freeze", str(self.result), "--background", "0.5 +- 0.2", *options]) == 0
        return str(entries(self.log)[-1]["details"]["freeze"])  # type: ignore[index]

    def unblind(self, digest: str, *options: str, by: tuple[str, ...] = ("Ada", "Emmy")) -> int:
        approved = [word for name in by for word in ("--approved-by", name)]
        line = ["unblind", str(self.result), "--freeze", digest, "--reason", "ready", *approved]
        return main([*line, "--executor", "iterative", *options])

    def opened(self) -> Any:
        return json.loads((self.result / "unblinded.json").read_text())

    def events(self) -> list[str]:
        return [str(line["event"]) for line in entries(self.log)]


@pytest.fixture(scope="session")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("campaign")
    data, catalogue = folder / "data", folder / "catalogue.json"
    assert main(["simulate", "signal", "--to", str(data), "--events", str(CYCLE_EVENTS)]) == 0
    assert main(["catalogue", str(data), "--to", str(catalogue)]) == 0
    (folder / "mine.toml").write_text(SELECTION)
    Analysis(folder).process()
    return folder


@pytest.fixture
def analysis(campaign: Path, tmp_path: Path) -> Analysis:
    """A copy of the processed campaign; the run files stay where they are."""
    (tmp_path / "data").symlink_to(campaign / "data")
    for name in ("catalogue.json", "mine.toml", "audit.jsonl"):
        shutil.copy(campaign / name, tmp_path)
    shutil.copytree(campaign / "out", tmp_path / "out")
    return Analysis(tmp_path)
