"""The background of a box from the shape of a control region, and from products."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import hist
import numpy as np
import pytest
from scipy import stats

from na64.datasets.conditions.periods import load_periods
from na64.outputs.background.by_control import estimate_by_control, is_by_control
from na64.outputs.background.control_shape import LEAST_EVENTS, ControlShape, control_shape
from na64.outputs.background.estimate import Settings
from na64.outputs.background.rates import Shape, load_products, load_sources, poisson_limit
from na64.outputs.background.table import packaged_background
from na64.outputs.result.descriptions import box_facts
from na64.outputs.result.other_boxes import begins_above, begins_at
from na64.selections.selection import load_selection

SHAPE = Shape("leading neutrons", "leading_r", "hcal_rear_r", "[V: seed]")
BOXES = (box_facts(load_periods()["2018"], "alp"),)


def result(values: Any, *, boxes: Any = BOXES, region: int = 12, weighted: bool = False) -> Any:
    """A result with these values of R in its control region, as far as an estimate looks at it."""
    storage = hist.storage.Weight() if weighted else hist.storage.Int64()
    histogram: Any = hist.Hist(hist.axis.Regular(100, 0, 1), storage=storage)
    histogram.fill(np.asarray(values), **({"weight": 0.5} if weighted else {}))
    regions = SimpleNamespace(
        name="alp_2018", region_names=("region_neutrons",), regions=("region_neutrons",)
    )
    summary = SimpleNamespace(
        physics_runs=(), boxes=boxes, selection=regions, is_data=True, totals={"region_neutrons": region}
    )
    summary.runs, summary.particle_of, summary.histograms = (), None, ()
    return SimpleNamespace(summary=summary, histograms={"leading_r": histogram})


def test_the_shape_is_taken_beyond_the_guard_band_of_the_box() -> None:
    found = control_shape(result([0.05, 0.065, 0.075, *[0.2] * 9]), SHAPE)
    assert (found.box, found.n_events) == (0.06, 10)
    assert found.edges[0] == pytest.approx(0.07)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("family", ["normal", "gamma"])
def test_the_events_in_the_box_are_found_of_many_events(family: str, seed: int) -> None:
    """Of 4000 events the estimate of the family they are drawn from has the number within its error."""
    mean, width = 0.16, 0.045
    shapes: dict[str, Any] = {
        "normal": stats.norm(mean, width),
        "gamma": stats.gamma((mean / width) ** 2, scale=width**2 / mean),
    }
    values = shapes[family].rvs(4000, random_state=seed)
    found = control_shape(result(values), SHAPE)
    inside = np.count_nonzero((values > 0) & (values < 0.06))
    n, error = found.by_family[family].n, found.by_family[family].error
    assert abs(inside - n) < 4 * np.hypot(error, np.sqrt(inside))
    other = found.by_family["gamma" if family == "normal" else "normal"].n
    middle, whole = found.estimate
    assert middle == pytest.approx((n + other) / 2)
    assert whole > abs(n - other) / 2


@pytest.mark.parametrize(
    "truth", [stats.norm(0.16, 0.05), stats.gamma(9, scale=0.018)], ids=["normal", "gamma"]
)
def test_a_dozen_events_give_a_limit_that_covers(truth: Any) -> None:
    """Of experiments like the published one, with 12 events, nine in ten have a limit above the true mean."""
    generator = np.random.default_rng(3)
    expected = 13 * (truth.cdf(0.06) - truth.cdf(0)) / truth.sf(0.07)
    covered = []
    for _ in range(25):
        values = truth.rvs(generator.poisson(13 / truth.sf(0.07)), random_state=generator)
        row = control_shape(result(values), SHAPE).row()
        assert row.n is not None
        covered.append(expected < row.n + 1.28 * row.error)  # a limit has no error
    assert np.mean(covered) >= 0.84  # 0.91 to 0.98 of 100 experiments


def test_few_events_give_the_limit_of_a_density_as_large_in_the_box() -> None:
    row = control_shape(result([0.2] * (LEAST_EVENTS - 1)), SHAPE).row()
    assert row.upper_limit
    assert row.n == pytest.approx(poisson_limit(LEAST_EVENTS - 1) * 0.06 / 0.93)
    assert control_shape(result([]), SHAPE).row().n == pytest.approx(2.3026 * 0.06 / 0.93, rel=1e-3)


def test_an_estimate_never_exceeds_the_density_beside_the_box() -> None:
    found = control_shape(result(np.linspace(0.071, 0.2, 40)), SHAPE)
    assert all(one.n <= found.n_events * found.flat_ratio for one in found.by_family.values())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weighted": True}, "weighted simulation has no counts"),
        ({"boxes": (box_facts(load_periods()["2018"]),)}, "0 edges of boxes in hcal_rear_r, one is expected"),
    ],
)
def test_what_is_no_control_region_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        control_shape(result([0.2] * 9, **given), SHAPE)


def test_sums_of_a_weight_are_no_counts() -> None:
    found = result([0.2] * 9)
    found.summary.histograms = (SimpleNamespace(name="leading_r", weight="ecal [GeV]"),)
    with pytest.raises(ValueError, match="histogram leading_r: has a weight, so no counts"):
        control_shape(found, SHAPE)


def test_an_edge_inside_a_bin_is_refused() -> None:
    wide = result([0.2] * 9)
    wide.histograms["leading_r"] = hist.Hist(hist.axis.Regular(12, 0, 1), storage=hist.storage.Int64())
    with pytest.raises(ValueError, match=r"no bin begins at 0\.06, an edge of box or guard band"):
        control_shape(wide, SHAPE)


def test_the_background_of_the_box_is_that_of_its_control_region() -> None:
    products = result([0.2, 0.16, 0.14, 0.19, 0.17, 0.22, 0.25, 0.13, 0.12, 0.18, 0.15, 0.21])
    assert is_by_control(products)
    found = estimate_by_control(products, Settings())
    rows = {row.source: row for row in found.table.rows}
    assert [*rows] == ["leading neutrons", "leading K0", "interactions in the beam line", "dimuons"]
    assert rows["leading K0"].n == pytest.approx(0.14, rel=5e-3)  # of as many events as were published
    assert rows["leading neutrons"].upper_limit
    assert rows["dimuons"].n is None  # no exposure is known
    assert isinstance(found.shapes[0], ControlShape)


@pytest.mark.parametrize(
    "changes", [{"end": 70.0}, {"start": 60.0}, {"hcal_stop": 10.0}, {"one_slope": True}]
)
def test_options_of_sidebands_are_refused(changes: dict[str, Any]) -> None:
    (name,) = changes
    with pytest.raises(
        ValueError, match=f"--{name.replace('_', '-')}.*: is of sidebands in ECAL and HCAL energy"
    ):
        estimate_by_control(result([0.2] * 9), Settings(**changes))


def test_a_search_without_packaged_sources_is_refused() -> None:
    boxes = tuple(replace(box, search="axion") for box in BOXES)
    with pytest.raises(ValueError, match="search axion: no sources of its background are packaged"):
        estimate_by_control(result([0.2] * 9, boxes=boxes), Settings())


def test_the_sources_are_the_published_ones_and_the_selection_has_what_they_need() -> None:
    shapes, sources = load_sources(None, "alp")
    names = [*(one.name for one in shapes), *(one.name for one in sources)]
    table = packaged_background("background_alp_2020.csv")
    assert [row.source for row in table.rows] == names
    assert np.allclose(table.total(False), (0.166, 0.046), atol=1e-3)
    selection = load_selection("alp_2018")
    assert {shape.histogram for shape in shapes} <= {one.name for one in selection.histograms}
    assert {one.proportional_to for one in sources} <= {"eot", *selection.region_names}
    assert load_products()[0].name == "dimuons"


def test_the_control_histogram_has_the_other_edges_of_the_box() -> None:
    (formula,) = (one for one in load_selection("alp_2018").formulas if one.name == "leading_r")
    edges = {edge.feature: edge for edge in BOXES[0].others[-1].edges}
    assert {name: edge.high - edge.guard for name, edge in edges.items() if edge.high and edge.guard} == {
        "ecal": 85,
        "hcal_0": 1,
        "hcal_rear_r": pytest.approx(0.06),
    }
    assert edges["hcal_rear"].low == 13
    for text in ("ecal < 85", "hcal_0 < 1", "hcal_rear > 15"):
        assert text in formula.text


def test_a_box_that_needs_energy_in_hcal_modules_hides_nothing_below_it() -> None:
    box = box_facts(load_periods()["2018"])
    (other,) = box.others
    assert begins_at(box, other) == 13
    assert begins_above(box, other, 13)
    assert not begins_above(box, other, 13.5)
    assert begins_at(replace(box, hcal_modules=(0, 1)), other) == 0  # the plane lacks a module
    assert begins_at(replace(box, period="mine"), other) == 0  # nobody knows its modules
    assert begins_at(box, replace(other, text="another")) == 0
