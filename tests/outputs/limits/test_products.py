"""What na64 limits and na64 project write, draw and say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyhf
import pytest
import yaml  # type: ignore[import-untyped]

from na64.outputs.limits.analysis import LimitsAnalysis
from na64.outputs.limits.figures import LimitBand, cited, mixing_plane, relic_plane
from na64.outputs.limits.messages import of_analysis
from na64.outputs.limits.products import band_of, write_limits
from na64.outputs.limits.section import SECTION
from na64.outputs.limits.tables import QUANTITIES, limits_table
from na64.outputs.result.table import Table
from na64.outputs.signal.curves import ParameterPlane, load_curve, load_curves
from na64.run import main

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture(scope="module")
def written(published: LimitsAnalysis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("limits")
    for name in ("contour.csv", "contour.json"):
        (folder / name).write_text("of a search, from what the limits were before")
    write_limits(folder, published)
    return folder


def test_everything_is_there(written: Path) -> None:
    found = {str(path.relative_to(written)) for path in written.rglob("*") if path.is_file()}
    figures = {
        f"limits/exclusion{name}.{suffix}" for name in ("", "_y_0.1", "_y_0.5") for suffix in ("png", "pdf")
    }
    tables = {"limits_on_the_mixing", "limits_on_y", "submission"}
    assert found == figures | {f"limits/hepdata/{name}.yaml" for name in tables} | {
        "limits.csv",
        "limits.json",
        "limits_y.csv",
        "limits/background.csv",
        "limits/workspace.json",
    }


def test_the_summary_says_what_the_limits_rest_on(written: Path, published: LimitsAnalysis) -> None:
    limits = json.loads((written / "limits.json").read_text())
    assert limits["background"]["n"] == pytest.approx(0.53, abs=0.005)
    assert limits["background"]["error"] == pytest.approx(0.17, abs=0.005)
    assert limits["expected_limit"]["events"]["median"] == pytest.approx(2.3026, abs=1e-4)
    assert limits["observed"]["counts"] == 0
    assert [mass for mass, _ in limits["observed"]["eps"]] == [point.mass for _, point in published.points]
    assert limits["excluded"] == [
        {"folder": "seed", "run": 2, "reason": "no live electrons on target are stated"}
    ]
    assert limits["assumptions"] == [{"text": "an assumption", "tag": "[R-med] recalled"}]
    by_name = {row["name"]: row["observed"] for row in limits["comparisons"]}
    assert by_name["CLs, exact"] == pytest.approx(2.3026, abs=1e-4)
    assert by_name["large-sample formula, pyhf"] == pytest.approx(1.65, rel=0.01)
    assert limits["observed"]["unified_interval"] == pytest.approx([0, 1.91], abs=0.01)


def test_the_same_limits_are_the_same_bytes(written: Path, published: LimitsAnalysis, tmp_path: Path) -> None:
    write_limits(tmp_path, published)
    for path in written.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / path.relative_to(written)).read_bytes(), path.name


@pytest.mark.filterwarnings("ignore:jsonschema:DeprecationWarning")
def test_the_archived_model_opens_in_pyhf(written: Path) -> None:
    workspace = pyhf.Workspace(json.loads((written / "limits" / "workspace.json").read_text()))
    assert workspace.channels == ["2016-2018"]
    assert workspace.model().config.poi_name == "signal_events"
    assert workspace.data(workspace.model(), include_auxdata=False) == [0.0]


def test_hepdata_has_the_numbers_of_the_table(written: Path, published: LimitsAnalysis) -> None:
    table = yaml.safe_load((written / "limits" / "hepdata" / "limits_on_the_mixing.yaml").read_text())
    columns = {column["header"]["name"]: column["values"] for column in table["dependent_variables"]}
    observed = [row["value"] for row in columns[r"$\varepsilon$, observed upper limit"]]
    expected = limits_table(published.points).column("eps_observed")
    assert observed == pytest.approx([float(value or 0) for value in expected], rel=1e-3)


def test_figures_name_axes_units_and_papers(published: LimitsAnalysis) -> None:
    band = band_of(limits_table(published.points), "mass", "eps", level=0.9)
    figure = mixing_plane(band, load_curves(ParameterPlane.MIXING), label="a test", title="EOT")
    (axes,) = figure.axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert "[GeV]" in axes.get_xlabel()
    legend = axes.get_legend()
    assert legend is not None
    texts = " ".join(text.get_text() for text in legend.get_texts())
    for paper in ("1610.02988", "1710.00971", "1906.00176", "1702.03327"):
        assert paper in texts
    low, high = axes.get_ylim()
    for line in axes.get_lines():
        masses, values = (np.asarray(data, float) for data in line.get_data())
        values = values[masses <= axes.get_xlim()[1]]
        assert low <= values.min()
        assert values.max() <= high


def test_what_nobody_has_verified_says_so() -> None:
    assert "unverified [R-med]" in cited(load_curve("thermal_scalar"))
    assert "unverified" not in cited(load_curve("na64_2018"))


def test_a_closed_box_draws_no_observed_limit() -> None:
    mass = np.geomspace(1e-3, 1, 5)
    limits = {name: mass * (1 + 0.1 * k) for k, name in enumerate(QUANTITIES)} | {"observed": mass * np.nan}
    band = LimitBand(mass, limits, 0.9)
    figure = relic_plane(band, (), alpha=0.1, label="", title="")
    assert [line.get_label() for line in figure.axes[0].get_lines()] == ["expected (median), 90% CL"]


def test_what_is_said(published: LimitsAnalysis) -> None:
    lines = list(of_analysis(published))
    assert lines[0] == "UNBLINDED under 1"
    beam = "(e- of 100 GeV, more than 50 GeV missing)"
    counted = "2016-2018: 2.84e+11 electrons on target, background 0.53 +- 0.17, 0 observed"
    assert lines[1] == f"{counted} {beam}"
    assert lines[2] == "left out: run 2 of seed, no live electrons on target are stated"
    assert "observed 2.303, expected 2.303 (2.3 to 3.49" in lines[3]
    (row,) = (line for line in lines if line.lstrip().startswith("100 "))
    assert re.fullmatch(r" +100  0\.00033\d  0\.00033\d +0\.000346  ratio 0\.9[67]\d?", row)


def test_the_report_shows_the_limits(written: Path) -> None:
    page = SECTION.write(written, {}, "0" * 64)
    assert "observed 2.303 events (0 in the box; unified interval 0.00 to 1.91)" in page
    assert '<mark title="not verified">[R-med]</mark> recalled' in page
    assert page.count("data:image/png;base64,") == 3
    assert "Of another result" not in page
    assert "Of another result" in SECTION.write(written, {}, "1" * 64)


def test_without_limits_the_report_has_no_section(tmp_path: Path) -> None:
    assert SECTION.write(tmp_path, {}, "") == ""


def test_names_in_limits_are_escaped(written: Path, tmp_path: Path) -> None:
    limits = (written / "limits.json").read_text()
    (tmp_path / "limits.json").write_text(limits.replace("an assumption", "<script>"))
    page = SECTION.write(tmp_path, {}, "")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_what_is_missing_on_the_command_line(
    stored: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = stored()
    options = ["--efficiency", "0.5", "--points", "3", "--level", "0.9"]
    assert main(["limits", str(folder), *options]) == 2
    assert f"{folder}: there is no background.csv" in capsys.readouterr().err
    assert main(["limits", str(folder), str(folder), "--background", "1", *options]) == 2
    assert "need --to" in capsys.readouterr().err


def test_a_projection_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["project", "--eot", "1e12", "--eot", "5e12", "--background", "0.5+-0.1", "--at", "1e12"]
    assert main([*line, "--efficiency", "0.5", "--points", "4", "--to", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("background in proportion to the exposure")
    assert "5e+12 electrons on target, background 2.50 +- 0.50" in out
    found = {path.name for path in tmp_path.iterdir()}
    assert found == {"projection.csv", "projection.json", "projection.png", "projection.pdf"}


def test_a_table_is_cut_by_level_and_coupling(published: LimitsAnalysis) -> None:
    both = [*published.points, *((0.95, point) for _, point in published.points)]
    table = limits_table(both)
    assert isinstance(table, Table)
    assert len(band_of(table, "mass", "eps", level=0.95).mass) == len(published.points)


def test_limits_that_are_interrupted_are_no_limits_and_change_no_table(
    published: LimitsAnalysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_limits(tmp_path, replace(published, backgrounds=(*published.backgrounds, *published.backgrounds)))
    before = {path: path.read_bytes() for path in tmp_path.glob("*.csv")}
    assert {path.name for path in (tmp_path / "limits").glob("*.csv")} == {
        "background_1.csv",
        "background_2.csv",
    }

    def interrupt(*_given: object) -> None:
        assert not (tmp_path / "limits.json").exists()
        assert before == {path: path.read_bytes() for path in tmp_path.glob("*.csv")}
        raise KeyboardInterrupt

    other = replace(published, points=published.points[:1])
    with monkeypatch.context() as patched:
        patched.setattr("na64.outputs.limits.products.write_hepdata", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_limits(tmp_path, other)
    assert not (tmp_path / "limits.json").exists()
    assert before == {path: path.read_bytes() for path in tmp_path.glob("*.csv")}
    write_limits(tmp_path, other)
    assert all(path.read_bytes() != data for path, data in before.items())
    assert [path.name for path in (tmp_path / "limits").glob("*.csv")] == ["background.csv"]
