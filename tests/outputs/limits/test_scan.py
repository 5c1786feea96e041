"""A scan says of every step what a pass with that bound would say, and reads nothing that is hidden."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

import na64
from na64.outputs.background.rates import Weighted
from na64.outputs.background.table import BackgroundRow
from na64.outputs.limits.scan.steps import Fraction, ScanStep, fraction, limits_of
from na64.run import main

pytestmark = pytest.mark.usefixtures("undrawn")

VHCAL = "vhcal.vhcal_total.below"


@pytest.fixture(scope="module")
def data(
    tmp_path_factory: pytest.TempPathFactory,
    simulate: Callable[..., Path],
    process: Callable[..., Path],
) -> Path:
    return process(simulate(tmp_path_factory.mktemp("scan"), "demo", 6000), "invisible_2023")


@pytest.fixture(scope="module")
def signal(
    tmp_path_factory: pytest.TempPathFactory,
    simulate: Callable[..., Path],
    process: Callable[..., Path],
) -> Path:
    files = simulate(tmp_path_factory.mktemp("signal"), "signal", 1500)
    return process(files, "invisible_2023", catalogue=("--simulation",))


def selected(folder: Path) -> int:
    return int(json.loads((folder / "result.json").read_bytes())["totals"]["selected"])


def test_every_step_has_the_events_that_a_pass_with_that_bound_selects(data: Path, tmp_path: Path) -> None:
    found = na64.scan(data, {VHCAL: (0.5, 2.5), "straw3.straw3_x.max": (2, 6)}, steps=[3, 2], to=tmp_path)
    assert found.nominal.selected == selected(data)
    assert found.as_counted
    assert [step.values for step in found.steps][:3] == [(0.5, 2.0), (0.5, 6.0), (1.5, 2.0)]
    step = found.steps[0]
    line = ["process", str(data.parent / "data.json"), "--selection", "invisible_2023", "--no-report"]
    line += ["--set", f"{VHCAL}=0.5", "--set", "straw3.straw3_x.max=2", "--executor", "iterative"]
    assert main([*line, "--to", str(tmp_path / "set")]) == 0
    assert 0 < step.selected == selected(tmp_path / "set") < found.nominal.selected < found.others


def test_a_scan_that_takes_the_place_of_another_says_of_which(data: Path, tmp_path: Path) -> None:
    said: list[str] = []
    one, straw = {VHCAL: (0.5, 2.5)}, "straw3.straw3_x.max"
    steps = na64.scan(data, one | {straw: (2.0, 6.0)}, steps=2, to=tmp_path, tell=said.append).steps
    (line,) = (line for line in said if line.startswith("expected limits of 4 steps: "))
    limits = [float(text) for text in re.findall(r"([\d.]+) at ", line)]
    medians = [step.expected.median for step in steps]
    assert limits == pytest.approx([min(medians), max(medians)], rel=5e-3)
    na64.scan(data, one, steps=2, to=tmp_path, tell=said.append)
    (tmp_path / "scan.csv").write_text("mine\n")
    na64.scan(data, one, steps=2, to=tmp_path, tell=said.append)
    assert [line for line in said if line.startswith("replaced: ")] == [
        (
            f"replaced: the scan of {VHCAL} from 0.5 to 2.5 and {straw} from 2 to 6 in {tmp_path}; "
            "--out DIR keeps both"
        ),
        f"replaced: an earlier scan.csv in {tmp_path}; --out DIR keeps both",
    ]


def test_the_nominal_step_has_the_background_of_na64_background(data: Path, tmp_path: Path) -> None:
    found = na64.scan(data, {VHCAL: (0.5, 2.5)}, steps=2, to=tmp_path)
    estimated = na64.background(data).table.rows[:2]
    assert [(row.source, row.n, row.error, row.upper_limit) for row in found.nominal.sidebands] == [
        (row.source, row.n, row.error, row.upper_limit) for row in estimated
    ]


def test_a_step_whose_background_is_only_a_limit_says_so(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["scan", str(data), "--cut", VHCAL, "--from", "0.5", "--to", "2.5", "--steps", "3"]
    assert main([*line, "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    with (tmp_path / "scan.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["value"] for row in rows] == ["0.5", "1.5", "2.5"]
    limits = [row for row in rows if row["background_is_limit"] == "yes"]
    assert limits
    assert all("<" in row["beam_line"] + row["target"] for row in limits)
    assert f"*: in {len(limits)} steps the background, or a part of it, is only known to be below a" in said
    starred = [row for row in said.splitlines() if re.search(r"\d \+- \S+ \*  ", row)]
    assert len({row.split()[0] for row in starred}) == len(limits)
    assert "<" not in said
    for row in rows:  # in three digits, and without a signal nothing over the efficiency
        assert re.search(rf" {float(row['limit']):.3g} \(\S+ to \S+\) +-$", said, re.MULTILINE)


def test_a_program_reads_whether_the_background_is_a_limit_as_true_or_false(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["scan", str(data), "--cut", VHCAL, "--from", "0.5", "--to", "2.5", "--steps", "3", "--json"]
    assert main([*line, "--out", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out)
    with (tmp_path / "scan.csv").open(newline="") as stream:
        words = [row["background_is_limit"] == "yes" for row in csv.DictReader(stream)]
    assert [step["background_is_limit"] for step in found["steps"]] == words
    assert isinstance(found["nominal"]["background_is_limit"], bool)


def test_efficiency_is_that_of_a_pass_over_the_signal(data: Path, signal: Path, tmp_path: Path) -> None:
    found = na64.scan(data, {VHCAL: (0.001, 2.0)}, steps=2, signal=signal, component=12, to=tmp_path)
    tight, loose = (step.efficiency for step in found.steps)
    assert tight is not None
    assert loose is not None
    assert tight.value <= loose.value
    assert 0.3 < loose.value < 0.8
    assert found.best is not None


def test_a_mixture_of_components_is_not_taken_for_signal(data: Path, signal: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"components are simulated, truth_component 0, 1, .*say which one is the signal"
    ):
        na64.scan(data, {VHCAL: (1, 2)}, steps=2, signal=signal, to=tmp_path)
    with pytest.raises(ValueError, match="no event of truth_component 40; there are 0, 1"):
        na64.scan(data, {VHCAL: (1, 2)}, steps=2, signal=signal, component=40, to=tmp_path)
    with pytest.raises(ValueError, match="holds recorded events, not a simulated signal"):
        na64.scan(data, {VHCAL: (1, 2)}, steps=2, signal=data, to=tmp_path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--cut", "vhcal.vhcal_totl.below"), 'is no bound of invisible_2023; nearest is "vhcal.vhcal_total'),
        (("--cut", "vhcal.vhcal_total.above"), "vhcal.vhcal_total.above: is no bound"),
        (("--cut", "vhcal"), "expected CUT.FEATURE.BOUND; nearest is"),
        (
            ("--cut", "shower_chi2.shower_chi2.below"),
            "has 16 values, one a bin of ecal: a scan is of a single",
        ),
        (("--cut", "shower_chi2.shower_chi2.belo"), "cut shower_chi2 of invisible_2023 has no bound"),
        (("--cut", VHCAL, "--cut", VHCAL, "--from", "1", "--to", "2"), "is there twice"),
        (("--cut", VHCAL, "--from", "1"), "1 --cut with 2 --from and 1 --to: one of each"),
        (("--cut", VHCAL, "--steps", "500"), "500 steps: more than 400"),
        (("--cut", VHCAL, "--steps", "1"), "1 steps, not 2 or more"),
    ],
)
def test_what_cannot_be_scanned_is_one_line(
    data: Path, options: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scan", str(data), "--from", "1", "--to", "2", *options]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_a_range_that_falls_is_refused(data: Path) -> None:
    with pytest.raises(ValueError, match="from 3 to 1 is not a range"):
        na64.scan(data, {VHCAL: (3, 1)}, steps=2)


def test_a_scan_of_data_is_in_the_log(data: Path, tmp_path: Path) -> None:
    na64.scan(data, {VHCAL: (1, 2)}, steps=2, to=tmp_path)
    last = (data.parent / "audit.jsonl").read_text().splitlines()[-1]
    entry = json.loads(last)
    assert entry["event"] == "scan"
    assert entry["details"]["choice"] == [f"{VHCAL} from 1 to 2 in 2 steps"]
    assert entry["details"]["result"] == sha256((data / "result.json").read_bytes()).hexdigest()
    assert entry["details"]["selection"] == "invisible_2023"


def test_events_in_the_hidden_region_change_nothing(data: Path, tmp_path: Path) -> None:
    """No event of the scan is in box and guard: hidden ones never come so far."""
    found = na64.scan(data, {VHCAL: (1, 2)}, steps=2, to=tmp_path)
    totals = json.loads((data / "result.json").read_bytes())["totals"]
    assert totals["hidden"] > 0
    assert found.others <= totals["processed"] - totals["hidden"]


def test_a_fraction_has_the_error_of_a_flat_prior() -> None:
    none = fraction(Weighted(0.0, 0.0), Weighted(100.0, 100.0))
    assert none.value == 0.0
    assert none.error == pytest.approx(0.00966, rel=1e-2)
    half = fraction(Weighted(50e-7, 50e-14), Weighted(100e-7, 100e-14))
    assert half.value == pytest.approx(0.5)
    assert half.error == pytest.approx(0.0493, rel=1e-2)


def test_significance_and_reach_by_hand() -> None:
    rows = (BackgroundRow("a", 4.0, 1.0), BackgroundRow("b", 5.0, 2.0))
    step = ScanStep((1.0,), 10, rows, limits_of(rows), Fraction(0.6, 0.06))
    assert step.background[0] == 9.0
    assert step.background[1] == pytest.approx(5**0.5)
    assert step.significance is not None
    assert step.significance.value == pytest.approx(0.2)
    assert step.significance.error == pytest.approx(0.2 * (0.1**2 + (5**0.5 / 18) ** 2) ** 0.5)
    assert not step.is_limit
    assert step.reach is not None
    assert step.reach[1] == pytest.approx(step.expected.median / 0.6)
