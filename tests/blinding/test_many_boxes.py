"""Boxes of several searches, with edges on both sides: what any of them hides cannot be seen."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from na64.datasets.catalogue.build import load
from na64.outputs.result.audit_log import entries
from na64.outputs.result.hidden_regions import hides_less
from na64.processors.job import build_job
from na64.run import main
from na64.selections.selection import load_selection
from na64.tests.blinding.test_non_interference import PLUGIN, assert_equal, hidden_in, hidden_total

HEAD = 'search = "alp"\n'
ECAL = """[[box.bound]]
features = ["ecal", "ecal_total"]
between = { values = [75, 90], unit = "GeV", source = "test" }
guard = { value = 2, unit = "GeV", source = "test" }
"""
HCAL = 'below = { value = 1, unit = "GeV", source = "test" }\nguard = { value = 0.5'
MORE = '"hcal", "hcal_total", "hcal_012_total"'

LESS: dict[str, tuple[list[tuple[str, str]], str]] = {
    "a narrower bound": (
        [("values = [75, 90]", "values = [77, 88]")],
        "box of search alp: ECAL between 75 and 90 GeV, not 73 and 92",
    ),
    "a lower edge": ([(HCAL, HCAL.replace("1,", "0.2,"))], "box of search alp: HCAL below 0.7 GeV, not 1.5"),
    "no guard band": (
        [("guard = { value = 2", "guard = { value = 0")],
        "box of search alp: ECAL between 75 and 90 GeV, not 73 and 92",
    ),
    "above for below": (
        [(HCAL, HCAL.replace("below", "above"))],
        "box of search alp: HCAL above 0.5 GeV, not 1.5",
    ),
    "fewer alternatives": (
        [(MORE, '"hcal", "hcal_total"')],
        "box of search alp: HCAL below 1.5 GeV, not HCAL below 1.5 GeV by hcal_012_total too",
    ),
    "one bound more": (
        [(ECAL, ECAL + ECAL.replace('"ecal", "ecal_total"', '"veto_0"'))],
        "box of search alp: only veto_0 between 73 and 92 GeV, by which it was not bound",
    ),
}
"""Changes of the box of another search, and how the one who makes them is told."""

OF_ANOTHER_NAME = (
    """[box]
search = "mine"
ecal = { value = 60, unit = "GeV", source = "x" }
hcal = { value = 1, unit = "GeV", source = "x" }

""",
    """[[box]]
search = "mine"
[[box.bound]]
features = ["ecal"]
above = { value = 2, unit = "TeV", source = "x" }
guard = { value = 0, unit = "GeV", source = "x" }

""",
)
"""What a period may state in place of the packaged box: the same under another name, and nothing much."""


def test_events_that_the_box_of_another_search_hides_cannot_be_seen(
    new_worlds: Any, look: Any, tmp_path: Path, two_searches: Path
) -> None:
    worlds = new_worlds("hits", names=("box", "band", "mad"), periods=two_searches, n_events=600)
    plugin = tmp_path / "my.py"
    plugin.write_text(PLUGIN)
    line = ["--selection", "invisible_2023", "--plugin", str(plugin), "--chunk-events", "91"]
    seen = [look(world, *line) for world in worlds]
    assert_equal(seen)
    assert hidden_total(seen[0]) > 20
    assert (
        "hidden for search alp where ecal or ecal_total between 73 and 92 GeV (box between 75 and 90 GeV, "
        "guard 2 GeV) and hcal or hcal_total or hcal_012_total below 1.5 GeV (box below 1 GeV, guard 0.5 GeV)"
    ) in seen[0].err
    # The other box alone does not hide them: the worlds do differ in what this one hides.
    counts = []
    for world in worlds[:2]:
        catalogue = load(world.catalogue)
        job = build_job(catalogue, load_selection("invisible_2023"))
        assert [len(context.boxes) for context in job.runs.values()] == [2, 2, 2]
        alone = {run: replace(context, boxes=context.boxes[:1]) for run, context in job.runs.items()}
        counts.append(sum(hidden_in(catalogue, replace(job, runs=alone))))
    assert hidden_total(seen[0]) == counts[0] > counts[1]


def test_a_variation_hides_events_in_every_box(new_worlds: Any, look: Any, two_searches: Path) -> None:
    selection = "systematics_2023"
    worlds = new_worlds(
        "hits", names=("box", "band"), selection=selection, periods=two_searches, n_events=600
    )
    seen = [look(world, "--selection", selection) for world in worlds]
    assert_equal(seen)
    assert "under" in seen[0].err


class Passes:
    """A folder with run files that is processed with several folders of periods, beside one log."""

    def __init__(self, folder: Path, data: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder, self.data, self.capfd = folder, data, capfd

    def process(self, periods: Path, *, code: int = 0) -> str:
        """What is said on the terminal, and how many events are hidden."""
        name = str(self.folder / f"{periods.name}.json")
        assert main(["catalogue", str(self.data), "--to", name, "--periods", str(periods)]) == 0
        self.capfd.readouterr()
        line = ["process", name, "--selection", "dimuon_2022", "--executor", "iterative", "--no-report"]
        assert main([*line, "--to", str(self.folder / "out"), "--replace"]) == code
        return "".join(self.capfd.readouterr())

    def hidden(self) -> int:
        stored = json.loads((self.folder / "out" / "result.json").read_text())
        return int(stored["totals"]["hidden"])

    def last(self) -> Any:
        lines = entries(self.folder / "audit.jsonl")
        return [line["details"] for line in lines if line["event"] == "process"][-1]


@pytest.fixture
def passes(worlds: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Passes:
    data = tmp_path / "data"
    shutil.copytree(worlds("hits")[0].folder / "data", data)
    return Passes(tmp_path, data, capfd)


def changed(folder: Path, two_searches: Path, *changes: tuple[str, str]) -> Path:
    """The period of two searches with changed texts, in a folder of its own."""
    shutil.copytree(two_searches, folder)
    path = folder / "2023A.toml"
    text = path.read_text()
    start = text.index('search = "alp"')
    head, tail = text[:start], text[start:]
    for old, new in changes:
        assert old in tail
        tail = tail.replace(old, new, 1)
    path.write_text(head + tail)
    return folder


def test_whoever_makes_a_box_smaller_is_named(passes: Passes, tmp_path: Path, two_searches: Path) -> None:
    passes.process(two_searches)
    assert passes.last()["hides_less"] == []
    for number, (what, (changes, said)) in enumerate(LESS.items()):
        text = passes.process(changed(tmp_path / f"p{number}", two_searches, *changes))
        line = "warning: hides less than an earlier result (selection dimuon_2022): "
        (told,) = [one for one in text.splitlines() if line in one]
        assert said in told, what
        assert any(said in one for one in passes.last()["hides_less"]), what
        assert passes.last()["not_packaged"], what


def test_whoever_drops_a_box_is_named_and_a_renamed_one_hides_as_much(
    passes: Passes, tmp_path: Path, two_searches: Path, own_period: Callable[..., Path]
) -> None:
    passes.process(two_searches)
    hidden = passes.hidden()
    different = passes.last()["not_packaged"]  # the first of several boxes is as the only packaged one
    assert {line.partition("[")[0] for line in different} == {"2023A: box"}
    assert all("box[1]" in line for line in different)
    renamed = changed(tmp_path / "renamed", two_searches, ('search = "alp"', 'search = "axion"'))
    assert "hidden for search axion" in passes.process(renamed)
    assert passes.hidden() == hidden
    assert passes.last()["hides_less"] == []
    packaged = own_period(tmp_path / "packaged")
    assert (
        "hides less than an earlier result (selection dimuon_2022): not the box of search alp, where ecal"
        in passes.process(packaged)
    )
    assert passes.hidden() < hidden


def test_another_search_in_a_period_of_the_user_leaves_the_packaged_box_closed(
    passes: Passes, tmp_path: Path, two_searches: Path, own_period: Callable[..., Path]
) -> None:
    passes.process(own_period(tmp_path / "packaged"))
    hidden = passes.hidden()
    text = (two_searches / "2023A.toml").read_text()
    start, stop = text.index("[[box]]"), text.index("[trigger]")
    for number, box in enumerate(OF_ANOTHER_NAME):
        folder = tmp_path / f"own{number}"
        folder.mkdir()
        (folder / "2023A.toml").write_text(text[:start] + box + text[stop:])
        passes.process(folder)
        assert passes.hidden() == hidden
        assert passes.last()["hides_less"] == []
        assert {box["search"] for region in passes.last()["hidden"] for box in region["boxes"]} == {
            "invisible",
            "mine",
        }


def test_data_without_a_box_of_the_search_are_refused(
    passes: Passes, tmp_path: Path, two_searches: Path
) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('base = "dimuon_2022"\nname = "mine"\nlabel = "mine"\nsearch = "visible"\n')
    name = str(tmp_path / "c.json")
    assert main(["catalogue", str(passes.data), "--to", name, "--periods", str(two_searches)]) == 0
    passes.capfd.readouterr()
    assert main(["process", name, "--selection", str(mine), "--to", str(tmp_path / "out")]) == 2
    assert (
        "period 2023A has no signal box of search visible, only of invisible, alp"
        in passes.capfd.readouterr().err
    )


def test_a_log_with_one_box_a_period_is_still_compared(passes: Passes, two_searches: Path) -> None:
    """What earlier versions wrote: the edges of the only box."""
    passes.process(two_searches)
    before = {"period": "2023A", "runs": "8701-8702", "setups": {}, "under": []}
    old = [
        before | {"ecal": 65.0, "hcal": 1.5, "box_ecal": 60.0, "box_hcal": 1.0},
        before | {"ecal": 85.0, "hcal": 1.5, "box_ecal": 80.0, "box_hcal": 1.0},
    ]
    found = [hides_less(passes.last(), [{"selection": "s", "hidden": [region]}]) for region in old]
    assert found == [
        [],
        ["hides less than an earlier result (selection s): ECAL below 65 GeV, not 85"],
    ]
