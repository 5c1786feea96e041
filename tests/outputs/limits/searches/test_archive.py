"""What is archived of a contour: the numbers are those of the table."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from na64.outputs.limits.searches.archive import write_edges, write_patches
from na64.outputs.limits.searches.card import load_card
from na64.outputs.limits.searches.reference import Reference, reference_of


@pytest.fixture(scope="module")
def visible() -> Reference:
    return reference_of(load_card("visible"), "pseudoscalar", masses=[0.005, 0.0167])


def _values(path: Path) -> tuple[list[float], list[float]]:
    table = yaml.safe_load(path.read_text())
    mass, coupling = table["independent_variables"][0], table["dependent_variables"][0]
    return [one["value"] for one in mass["values"]], [one["value"] for one in coupling["values"]]


def test_edges_for_hepdata(visible: Reference, tmp_path: Path) -> None:
    write_edges(tmp_path, visible.card, [(0.9, row) for row in visible.rows], "of a test")
    for kind in ("lower", "upper"):
        mass, coupling = _values(tmp_path / "contour_hepdata" / f"{kind}_edges.yaml")
        assert mass == [row.mass for row in visible.rows]
        assert coupling == pytest.approx([getattr(row, kind) for row in visible.rows], rel=1e-3)


def test_a_search_without_upper_edges_has_no_table_of_them(tmp_path: Path) -> None:
    found = reference_of(load_card("hadron"))
    write_edges(tmp_path, found.card, [(0.9, row) for row in found.rows], "of a test")
    names = {path.name for path in (tmp_path / "contour_hepdata").iterdir()}
    assert names == {"submission.yaml", "lower_edges.yaml"}
    write_edges(tmp_path, found.card, [], "nothing")
    assert not (tmp_path / "contour_hepdata").exists()


def test_every_edge_is_a_patch_of_the_workspace(visible: Reference, tmp_path: Path) -> None:
    write_patches(tmp_path, visible)
    archived = json.loads((tmp_path / "contour_workspace.json").read_text())
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "jsonschema.RefResolver is deprecated", DeprecationWarning)
        import pyhf  # noqa: PLC0415 (a second to import)

        patches = pyhf.PatchSet(json.loads((tmp_path / "contour_patchset.json").read_text()))
        patches.verify(archived)
        patched = patches.apply(archived, "upper_1")
        model = pyhf.Workspace(patched).model()
    assert len(patches) == 4
    assert model.config.channels == sorted(["dump_40", "dump_30", "dump_2018", "missing_2018"])
    upper = visible.rows[1].upper
    assert upper is not None
    mass, coupling, events = patches["upper_1"].values
    assert (mass, coupling) == pytest.approx((0.0167, upper), rel=1e-5)
    assert events == pytest.approx(2.3026, rel=1e-3)
    shares = {one["name"]: _share(one) for one in patched["channels"]}
    assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
    assert shares["dump_2018"] > shares["dump_40"] > shares["missing_2018"]


def _share(channel: dict[str, Any]) -> float:
    (share,) = channel["samples"][0]["data"]
    return float(share)
