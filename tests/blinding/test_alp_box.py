"""The boxes of 2018, for missing energy and axion-like particles: what either hides cannot be seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from na64.datasets.catalogue.build import load
from na64.processors.job import build_job
from na64.selections.selection import load_selection
from na64.tests.blinding.conftest import ALP, ALP_GUARD, World
from na64.tests.blinding.test_non_interference import assert_equal, hidden_in, hidden_total


@pytest.fixture(scope="module")
def worlds_of_2018(new_worlds: Any) -> list[World]:
    worlds: list[World] = new_worlds(
        "array2018", names=("box", "guard", ALP, ALP_GUARD), selection="invisible_2018", n_events=900
    )
    return worlds


@pytest.mark.parametrize("selection", ["invisible_2018", "alp_2018"])
def test_events_in_either_box_cannot_be_told_from_events_in_the_other(
    worlds_of_2018: list[World], look: Any, selection: str
) -> None:
    seen = [look(world, "--selection", selection, "--chunk-events", "91") for world in worlds_of_2018]
    assert_equal(seen)
    assert hidden_total(seen[0]) > 20
    assert "hidden for search alp where ecal or ecal_total below 90 GeV (box below 85 GeV" in seen[0].err


def test_each_of_the_two_boxes_hides_what_the_other_would_show(worlds_of_2018: list[World]) -> None:
    hidden: dict[str, list[int]] = {}
    for world in worlds_of_2018:
        catalogue = load(world.catalogue)
        job = build_job(catalogue, load_selection("alp_2018"))
        assert {tuple(box.search for box in context.boxes) for context in job.runs.values()} == {
            ("invisible", "alp")
        }
        hidden[world.name] = [
            sum(hidden_in(catalogue, replace(job, runs=_with_one_box(job.runs, box)))) for box in (0, 1)
        ]
    assert hidden["box"][0] == hidden["guard"][0] > hidden[ALP][0] == hidden[ALP_GUARD][0]
    assert hidden[ALP][1] == hidden[ALP_GUARD][1] > hidden["box"][1] == hidden["guard"][1]


def _with_one_box(runs: Any, box: int) -> Any:
    return {run: replace(context, boxes=context.boxes[box : box + 1]) for run, context in runs.items()}
