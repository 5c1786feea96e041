"""Columns of layouts as columns of periods."""

from __future__ import annotations

from dataclasses import replace

import pytest

from na64.datasets.catalogue.layout_columns import clash, with_columns_of
from na64.datasets.conditions.periods import load_periods
from na64.datasets.instrument.features import Feature
from na64.datasets.reading.layout import Layout, load_layout, parse_layout

HEAD = 'name = "{}"\ntrees = ["t"]\n[event]\n'
KEYS = "".join(f'{name} = {{ branch = "{name}" }}\n' for name in ("run", "spill", "event"))


def layout_of(*columns: tuple[str, str, str], name: str = "mine") -> Layout:
    own = '{0} = {{ branch = "{0}", unit = "{1}", meaning = "{2}" }}\n'
    return parse_layout(HEAD.format(name) + KEYS + "".join(own.format(*one) for one in columns), "mine.toml")


def test_every_period_has_them_once() -> None:
    periods = load_periods()
    layouts = [
        layout_of(("n_gem", "1", "hits")),
        layout_of(("n_gem", "1", "hits"), ("rich", "GeV", "sum"), name="b"),
    ]
    found = with_columns_of(layouts, periods)
    for name, period in found.items():
        assert [one.name for one in period.setup.columns] == ["n_gem", "rich"]
        assert {*period.features} == {"n_gem", "rich", *periods[name].features}
    assert with_columns_of([load_layout("tout2023")], periods) == periods


def test_a_column_that_a_period_states_is_the_same_or_refused() -> None:
    period = load_periods()["2023A"]
    stated = replace(period, setup=replace(period.setup, columns=(Feature("rich", "GeV", "sum"),)))
    assert with_columns_of([layout_of(("rich", "GeV", "sum"))], {"2023A": stated})["2023A"] == stated
    assert clash(layout_of(("rich", "GeV", "sum")), stated) == ""
    for unit, meaning in (("mm", "sum"), ("GeV", "other")):
        layout = layout_of(("rich", unit, meaning))
        assert f'rich is "{meaning}" [{unit}], and "sum" [GeV] in period 2023A' in clash(layout, stated)
        with pytest.raises(ValueError, match="layout mine: rich is"):
            with_columns_of([layout], {"2023A": stated})


def test_two_layouts_do_not_call_two_things_the_same() -> None:
    layouts = [layout_of(("rich", "GeV", "sum")), layout_of(("rich", "1", "sum"), name="other")]
    with pytest.raises(ValueError, match=r"layout other: rich is .* or another layout"):
        with_columns_of(layouts, load_periods())


def test_what_a_period_calls_otherwise_is_refused() -> None:
    period = load_periods()["2023A"]
    setup = replace(period.setup, constants=(("rich", 1.0),))
    assert clash(layout_of(("rich", "GeV", "sum")), replace(period, setup=setup)) == (
        "layout mine: rich is something else in period 2023A already"
    )
