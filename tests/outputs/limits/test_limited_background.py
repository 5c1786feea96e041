"""Limits with a background of which only upper limits are known."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from na64.outputs.background.table import BackgroundRow, BackgroundTable, read_background
from na64.outputs.limits.exposure import LimitInput
from na64.outputs.limits.inputs import Background, ConstantEfficiency, background_of
from na64.outputs.limits.projection import project
from na64.outputs.limits.search import PeriodChannel, Search
from na64.outputs.statistics.one_sided import of_limit
from na64.outputs.statistics.workspace import pyhf_limit, workspace
from na64.run import main

pytestmark = pytest.mark.usefixtures("undrawn")

LIMITS = ["--efficiency", "0.5", "--points", "2", "--level", "0.9"]


def _counted(folder: Path) -> tuple[float, float]:
    facts = json.loads((folder / "limits.json").read_text())
    return facts["background"]["n"], facts["background"]["error"]


def test_a_largest_source_that_is_a_limit_is_counted(
    stored: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = stored()
    assert main(["background", str(folder)]) == 0
    rows = read_background(folder).rows
    largest = max(row.n or 0.0 for row in rows)
    assert rows[0].upper_limit
    assert rows[0].n == largest
    capsys.readouterr()
    assert main(["limits", str(folder), *LIMITS]) == 0
    out = capsys.readouterr().out
    n, error = _counted(folder)
    assert min(n, error) > largest / 5
    assert "background 0 +- 0" not in out
    expected = re.search(r"expected ([\d.]+) \(([\d.]+) to ([\d.]+) at 1 sigma", out)
    assert expected is not None
    assert float(expected[2]) < float(expected[1]) < float(expected[3])


def test_limits_at_face_value_stay_an_option(stored: Callable[..., Path]) -> None:
    folder = stored()
    assert main(["background", str(folder)]) == 0
    assert main(["limits", str(folder), *LIMITS, "--limits-at-face-value"]) == 0
    rows = [row for row in read_background(folder).rows if row.n is not None]
    errors = [float(row.n or 0) if row.upper_limit else row.error for row in rows]
    assert _counted(folder) == pytest.approx((sum(row.n or 0.0 for row in rows), math.hypot(*errors)))


def test_a_limit_is_divided_among_periods_and_in_common(exposure_of: Callable[..., LimitInput]) -> None:
    from na64.outputs.limits.analysis import search_of  # noqa: PLC0415

    table = BackgroundTable(
        (BackgroundRow("dimuons", 0.2, 0.1), BackgroundRow("target", 0.5, upper_limit=True))
    )
    background = Background(*table.total(False), table, "background.csv")
    exposure = exposure_of(("2022", 1e11, 0), ("2023A", 3e11, 1))
    search = search_of([exposure], [background], lambda *_: ConstantEfficiency(0.5), signal_error=0.1)
    assert search.background == pytest.approx((background.n, background.error))
    first, second = search.model(0.01).channels
    assert dict(first.one_sided) == {"target": of_limit(0.5).scaled(0.25)}
    assert dict(second.one_sided) == {"target": of_limit(0.5).scaled(0.75)}
    found = search.point(0.01, 0.9)
    assert found.observed is not None
    assert found.expected.bands[4] > found.expected.bands[0]


def test_a_projection_counts_limits_too() -> None:
    found = project(1e12, background_of("seed_2021"), ConstantEfficiency(0.5), at=2.84e11, masses=(0.01,))
    assert found.background == pytest.approx(background_of("seed_2021").n * 1e12 / 2.84e11)
    assert found.points[0].expected.bands[4] > found.points[0].expected.bands[0]


def test_the_archived_model_has_the_limit_as_a_control_region() -> None:
    source = of_limit(0.5, 0.2)
    period = PeriodChannel(
        "2022", 1e11, 0.2, (("x", 0.1),), ConstantEfficiency(0.5), 1, one_sided=(("target", source),)
    )
    model = Search((period,)).model(0.01)
    archived = workspace(model, [1])
    assert [channel["name"] for channel in archived["channels"]] == ["2022", "limit_target"]
    assert archived["observations"][1]["data"] == [pytest.approx(source.shape - 1)]
    with_it, _ = pyhf_limit(archived)
    without, _ = pyhf_limit(
        workspace(
            Search((PeriodChannel("2022", 1e11, 0.2, (), ConstantEfficiency(0.5), 1),)).model(0.01), [1]
        )
    )
    assert with_it < without


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(201, 207))
def test_no_demo_campaign_has_a_background_of_nothing(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, catalogue, out = (str(tmp_path / name) for name in ("data", "catalogue.json", "out"))
    assert main(["simulate", "demo", "--seed", str(seed), "--to", data]) == 0
    assert main(["catalogue", data, "--to", catalogue]) == 0
    process = ["process", catalogue, "--selection", "invisible_2023", "--to", out, "--no-report"]
    assert main([*process, "--executor", "iterative"]) == 0
    for one_slope in ([], ["--one-slope"]):
        assert main(["background", out, *one_slope]) == 0
        table = read_background(Path(out))
        flat = {row.source: row.n for row in table.rows[:2]}
        assert all(n is not None and n < 1e4 for n in flat.values())
        capsys.readouterr()
        assert main(["limits", out, *LIMITS]) == 0
        assert "background 0 +- 0" not in capsys.readouterr().out
        n, error = _counted(Path(out))
        assert n > 0.1
        assert error > 0.1
