"""Columns of one's own and ready-made features, as compute takes them from events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from na64.datasets.conditions.periods import load_periods
from na64.datasets.instrument.columns import EventColumns
from na64.datasets.instrument.features import FEATURES, Feature
from na64.processors.features.compute import compute
from na64.processors.features.feature_table import FeatureTable, Skip

SETUP = load_periods()["2023A"].setup
OWN = replace(SETUP, columns=(Feature("mine", "1", "a number"),))


def made(event: dict[str, Any], absent_nan: frozenset[str] = frozenset()) -> FeatureTable:
    columns = {name: np.array(values) for name, values in event.items()}
    n_events = len(next(iter(columns.values())))
    events = EventColumns(n_events, columns, {})
    return compute(events, OWN, bad=np.zeros(n_events, np.bool_), absent_nan=absent_nan)


@pytest.mark.parametrize("name", ["mine", "ecal", "hcal_01", "visible_energy"])
def test_what_no_float32_is_makes_an_event_unusable(name: str) -> None:
    table = made({name: [1.0, np.nan, np.inf, -np.inf, -3.0]})
    assert table.skip.tolist() == [Skip.NONE, *[Skip.NONFINITE] * 3, Skip.NONE]
    assert table[name][[0, 4]].tolist() == [1.0, -3.0]
    absent = made({name: [1.0, np.nan, np.inf]}, frozenset({name}))
    assert absent.skip.tolist() == [Skip.NONE, Skip.NONE, Skip.NONFINITE]
    assert np.isnan(absent[name][1])


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint32])
def test_integers_are_exact_or_make_an_event_unusable(dtype: type) -> None:
    most = 1 << 24
    table = made({"mine": np.array([0, most, most + 1, most - 1], dtype)})
    assert table.skip.tolist() == [Skip.NONE, Skip.NONE, Skip.NONFINITE, Skip.NONE]
    assert table["mine"][[1, 3]].tolist() == [most, most - 1]


def test_the_lowest_integer_of_all_makes_an_event_unusable() -> None:
    table = made({"mine": np.array([np.iinfo(np.int64).min, -(1 << 24), -(1 << 24) - 1])})
    assert table.skip.tolist() == [Skip.NONFINITE, Skip.NONE, Skip.NONFINITE]


def test_a_column_that_the_file_lacks_is_nan_and_no_reason_to_skip() -> None:
    table = made({"ecal": [50.0]})
    assert np.isnan(table["mine"][0])
    assert table.skip.tolist() == [Skip.NONE]


def test_nothing_is_derived_of_what_is_given() -> None:
    table = made({"ecal": [50.0], "hcal_0": [3.0], "hcal_1": [4.0]})
    given = {"ecal", "hcal_0", "hcal_1", "bad_spill"}
    assert all(np.isnan(table[name][0]) for name in FEATURES if name not in given)


def test_features_are_rounded_once() -> None:
    values = np.random.default_rng(1).normal(50, 10, 1000)
    np.testing.assert_array_equal(made({"ecal": values})["ecal"], values.astype(np.float32))
