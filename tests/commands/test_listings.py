"""What is packaged is listed, and files to start from load as they stand."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from na64.datasets.conditions.periods import load_periods, packaged_periods
from na64.datasets.instrument.features import FEATURES
from na64.datasets.reading.layout import LAYOUTS, load_layout
from na64.run import main
from na64.selections.selection import SELECTIONS, load_selection


def test_selections_are_listed_and_one_is_told_bound_by_bound(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selections"]) == 0
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines()] == list(SELECTIONS)
    assert main(["selections", "invisible_2023"]) == 0
    said = capsys.readouterr().out
    for cut in load_selection("invisible_2023").cuts:
        assert f"cut {cut.name}: {cut.condition.intervals[0].text}" in said
    assert re.search(r"^  vhcal\.vhcal_total\.below +1\.5 GeV$", said, re.MULTILINE)


def test_histograms_that_a_list_of_ones_own_leaves_out_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    axes = 'axes = [{ feature = "ecal", bins = 10, low = 0, high = 100, unit = "GeV" }]'
    for key, left_out in (("histogram", True), ("append_histogram", False)):
        text = f'base = "invisible_2023"\nlabel = "x"\n[[{key}]]\nname = "mine"\nafter = "srd"\n{axes}\n'
        (tmp_path / "own.toml").write_text(text)
        assert main(["selections", str(tmp_path / "own.toml")]) == 0
        lines = capsys.readouterr().out.splitlines()
        (found,) = (n for n, line in enumerate(lines) if line.startswith("histograms: "))
        assert lines[found + 1].startswith("  not those of the base: master_time_before, ") == left_out


def test_features_are_listed_by_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["features"]) == 0
    known = [*FEATURES, "hcal_rear", "hcal_rear_total", "hcal_rear_r", *load_periods()["2018V"].features]
    known += [name for name in load_periods()["2022M"].features if name not in known]
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed[: len(FEATURES)] == [*FEATURES]
    assert sorted(listed) == sorted(known)
    assert main(["features", "PRESHOWER"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said][-2:] == ["preshower", "preshower_total"]
    assert main(["features", "prshower"]) == 2
    assert 'nearest known is "preshower"' in capsys.readouterr().err


def test_periods_are_listed_and_one_has_its_box_and_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["periods"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(packaged_periods())
    assert main(["periods", "2023A"]) == 0
    said = capsys.readouterr().out
    assert "box of search invisible: hidden below 65 GeV in the ECAL and 1.5 GeV in the HCAL (box 60 " in said
    assert re.search(r"^box\.ecal +60 GeV +\[V: 2503\.11275", said, re.MULTILINE)
    assert main(["periods", "2023B"]) == 2
    assert 'unknown period "2023B", nearest known is "2023' in capsys.readouterr().err


def test_what_a_period_of_ones_own_has_is_listed(
    edited: Callable[..., Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "periods"
    path = edited("period", "2023A", folder, ("8396", "9000"), ("8999", "9999"), to="2024A")
    path.write_text(path.read_text().replace("[box]", "[[box]]") + _OWN)
    (tmp_path / "own.toml").write_text(_USES_IT)
    assert main(["features", "plastic_sum", "--periods", str(folder)]) == 0
    assert capsys.readouterr().out.split()[0] == "plastic_sum"
    assert main(["selections", str(tmp_path / "own.toml"), "--periods", str(folder)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert {
        "cut seen: plastic_sum > 1 MeV",
        "region I: hcal >= 1 GeV and plastic_sum > 2 MeV",
        "plane energy: ecal and hcal",
    } <= {*said}
    assert main(["periods", "2024A", "--periods", str(folder)]) == 0
    listed = capsys.readouterr().out
    assert "box of search invisible: hidden below 65 GeV" in listed
    assert "box of search alp: hidden where ecal or ecal_total below 90 GeV (box below 85 GeV" in listed


_OWN = """
[[detector]]
name = "plastic"
role = "counters"
shape = { values = [1, 1, 2], source = "a test" }
half_width = { value = 8, unit = "ns", source = "a test" }

[[box]]
search = "alp"
[[box.bound]]
features = ["ecal", "ecal_total"]
below = { value = 85, unit = "GeV", source = "a test" }
guard = { value = 5, unit = "GeV", source = "a test" }
"""
_USES_IT = """
name = "own"
label = "a counter"
yields_after = "seen"
[[cut]]
name = "seen"
plastic_sum = { above = 1, unit = "MeV" }
[region.I]
hcal = { min = 1, unit = "GeV" }
plastic_sum = { above = 2, unit = "MeV" }
"""


@pytest.mark.parametrize("base", SELECTIONS)
def test_a_selection_to_start_from_does_what_its_base_does(base: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    assert main(["init", "selection", "mine", "--like", base, "--to", str(path)]) == 0
    made, known = load_selection(path), load_selection(base)
    assert (made.name, made.cuts, made.regions) == ("mine", known.cuts, known.regions)
    assert known.label in made.label


def test_every_block_of_it_that_is_commented_out_is_right(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    assert main(["init", "selection", "mine", "--to", str(path)]) == 0
    text = path.read_text()
    commented = (
        r"^# (?=\[|remove|name|label|source|after|preshower|vhcal|veto|unit|meaning|formula|axes|scale)"
    )
    head, *blocks = re.split(r"\n(?=# (?:\[|remove))", text)
    assert len(blocks) == 6
    for number, block in enumerate(blocks):
        other = path.with_name(f"{number}.toml")
        other.write_text(f"{head}\n{re.sub(commented, '', block, flags=re.MULTILINE)}")
        assert load_selection(other).identity != load_selection(path).identity, block


@pytest.mark.parametrize("like", LAYOUTS)
def test_a_layout_to_start_from_reads_what_the_packaged_one_reads(like: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    assert main(["init", "layout", "mine", "--like", like, "--to", str(path)]) == 0
    made, known = load_layout(path), load_layout(like)
    assert (made.name, made.event, made.detectors) == ("mine", known.event, known.detectors)


@pytest.mark.parametrize("like", list(packaged_periods()))
def test_a_period_to_start_from_loads_beside_the_packaged_ones(
    like: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "period", "2031A", "--like", like]) == 0
    known = load_periods(tmp_path / "periods")
    made, packaged = known["2031A"], known[like]
    assert (made.setup, made.boxes) == (packaged.setup, packaged.boxes)
    assert not any(made.shares_runs_with(period) for period in packaged_periods().values())
    assert not any(fact.name.startswith("published") for fact in made.provenance)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["selection", "invisible_2023"], "is packaged: choose another name; --like invisible_2023 begins"),
        (["selection", "mine", "--like", "invisible"], '--like: unknown selection "invisible", nearest'),
        (["layout", "mine", "--like", "tout"], '--like: unknown layout "tout", nearest known is "tout2023"'),
        (["period", "mine", "--like", "2023"], '--like: unknown period "2023", nearest known is "2023'),
        (["period", "mine", "--to", "other.toml"], "the file of period mine is called mine.toml"),
        (["layout", "a/b"], "a/b: a name has up to 64 letters"),
        (["layout", 'a"b'], "a name has up to 64 letters"),
        (["layout", "mine", "--to", "mine.txt"], "expected a name that ends in .toml"),
    ],
)
def test_what_cannot_be_started_is_refused(
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", *words]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.toml"))


def test_no_file_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("mine")
    assert main(["init", "layout", "mine", "--to", str(path)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert path.read_text() == "mine"


def test_a_selection_with_features_of_ones_own_is_shown_with_the_plug_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, plugin = tmp_path / "mine.toml", tmp_path / "mine.py"
    mine.write_text('base = "dimuon_2023"\nname = "mine"\n[[append]]\nname = "own"\ntwice = { below = 1 }\n')
    plugin.write_text(
        'from na64 import feature\n\n@feature(name="twice", unit="1")\n'
        'def twice(event):\n    return 2 * event["ecal"]\n'
    )
    assert main(["selections", str(mine)]) == 2
    assert capsys.readouterr().err.endswith(
        "; --periods DIR, --plugin FILE.py or --layout FILE may have it\n"
    )
    assert main(["selections", str(mine), "--plugin", str(plugin)]) == 0
    assert "cut own: twice < 1" in capsys.readouterr().out
    plugin.write_text(plugin.read_text().replace('"twice"', '"thrice"'))
    assert main(["selections", str(mine), "--plugin", str(plugin)]) == 2
    assert capsys.readouterr().err.endswith("; --periods DIR or --layout FILE may have it\n")
    mine.write_text('base = "dimuon_2023"\nname = "mine"\nlabl = "x"\n')
    assert main(["selections", str(mine)]) == 2
    assert "may have it" not in capsys.readouterr().err
