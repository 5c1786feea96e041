"""What a file says that it is of, and that any change of it is seen."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from na64.outputs.result.descriptions import selection_facts
from na64.outputs.result.origin import (
    FoundOrigin,
    Origin,
    OriginError,
    check,
    check_runs,
    origin_in,
    origin_said,
    problem_of,
    seal_csv,
    seal_facts,
    unseal_csv,
    unseal_facts,
)
from na64.outputs.result.summary import from_json, to_json
from na64.outputs.result.table import Table
from na64.processors.features.plugin import Plugin
from na64.selections.selection import load_selection

ORIGIN = Origin("a" * 64, "c0ffee", (("2022", "beam"), ("2023A", "other")))
WORDS = st.text("ab,\"'\n é", max_size=5)


@dataclass(frozen=True, slots=True)
class Line:
    source: str
    n: float | None


ROWS = st.lists(st.builds(Line, WORDS, st.none() | st.floats(0, 9)), min_size=1, max_size=4)


@given(ROWS)
def test_a_table_is_read_back_with_what_it_is_of(rows: list[Line]) -> None:
    data = Table(Line, rows).to_csv()
    assert unseal_csv(seal_csv(data, ORIGIN)) == (data, FoundOrigin(ORIGIN))
    assert unseal_csv(data) == (data, FoundOrigin(None))


@given(ROWS, st.data())
def test_a_field_that_was_edited_is_seen(rows: list[Line], data: st.DataObject) -> None:
    sealed = Table(Line, [Line("x" + row.source, row.n) for row in rows]).to_csv()
    lines = unseal_lines(seal_csv(sealed, ORIGIN))
    row = data.draw(st.integers(0, len(lines) - 1))
    column = data.draw(st.integers(0, len(lines[0]) - 1))
    lines[row][column] += "1"
    _, found = unseal_csv(to_bytes(lines))
    assert found.is_edited or found.origin is None


@given(ROWS.filter(lambda rows: len(rows) > 1), st.data())
def test_a_row_that_was_removed_is_seen(rows: list[Line], data: st.DataObject) -> None:
    lines = unseal_lines(seal_csv(Table(Line, rows).to_csv(), ORIGIN))
    del lines[data.draw(st.integers(1, len(lines) - 1))]
    assert unseal_csv(to_bytes(lines))[1].is_edited


def unseal_lines(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def to_bytes(lines: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(lines)
    return text.getvalue().encode()


def test_facts_are_read_back_and_every_change_is_seen() -> None:
    plain: dict[str, Any] = {"n": 0.5, "rows": [{"a": 1, "b": None}], "words": "é", "pair": (1, 2)}
    sealed = json.loads(json.dumps(seal_facts(plain, ORIGIN)))
    facts, found = unseal_facts(json.dumps(sealed, indent=3).encode(), "f.json")
    assert (facts["n"], found) == (0.5, FoundOrigin(ORIGIN))
    for name in sealed:
        for changed in (
            {key: value for key, value in sealed.items() if key != name},
            {**sealed, name: "other"},
        ):
            found = unseal_facts(json.dumps(changed).encode(), "f.json")[1]
            assert found.is_edited or found.origin is None


def test_an_origin_is_the_same_when_read_back(case: Any) -> None:
    facts = case.facts
    assert origin_in(from_json(to_json(facts)), "d") == origin_in(facts, "d")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (FoundOrigin(ORIGIN), ""),
        (FoundOrigin(ORIGIN, is_edited=True), "it was edited after it was written"),
        (FoundOrigin(None), "it does not say which result and which cuts it is of"),
        (
            FoundOrigin(Origin("b" * 64, "c0ffee", ORIGIN.setups)),
            "it is of the result bbbbbbbbbbbb, not of aaaaaaaaaaaa",
        ),
        (FoundOrigin(Origin("a" * 64, "decaf", ORIGIN.setups)), "it is of the cuts decaf, not of c0ffee"),
        (FoundOrigin(Origin("a" * 64, "c0ffee", (("2022", "beam"),))), "another period 2023A (not in it)"),
        (
            FoundOrigin(Origin("a" * 64, "c0ffee", (("2022", "x"), ("2023A", "other")))),
            "another period 2022 (x)",
        ),
    ],
)
def test_why_a_file_does_not_belong(found: FoundOrigin, words: str) -> None:
    problem = problem_of(found, ORIGIN, of="out")
    assert words in problem
    assert bool(problem) is bool(words)
    if words:
        with pytest.raises(OriginError, match=r"f.csv: it .*; na64 x makes one, or --reason TEXT"):
            check("f.csv", found, ORIGIN, of="out", makes="na64 x makes one", reason=" ")
        said = check("f.csv", found, ORIGIN, of="out", makes="na64 x makes one", reason="agreed")
        assert said == f"{problem}; stated: agreed"


def test_what_is_not_asked_for_is_not_compared() -> None:
    assert problem_of(FoundOrigin(ORIGIN), Origin(), of="out") == ""
    assert problem_of(FoundOrigin(ORIGIN), Origin(cuts="c0ffee"), of="out") == ""


def summary(selection: Path, *runs: int) -> Any:
    facts = selection_facts(load_selection(selection))
    return SimpleNamespace(selection=facts, runs=[SimpleNamespace(run=run) for run in runs])


def test_runs_do_not_stand_for_others_where_a_cut_has_bounds_of_its_own(tmp_path: Path) -> None:
    whole, divided = tmp_path / "whole.toml", tmp_path / "divided.toml"
    whole.write_text('base = "invisible_2023"\nname = "mine"\n')
    change = '[change.veto.when."8701-8710"]\nveto_0 = { below = 1, unit = "MeV" }\n'
    divided.write_text(whole.read_text() + change)
    check_runs(summary(whole, 8701), summary(whole, 8731))
    check_runs(summary(divided, 8701, 8731), summary(divided, 8731, 8701))
    with pytest.raises(ValueError, match="cut veto has other bounds in some runs"):
        check_runs(summary(divided, 8701), summary(divided, 8731))


def test_a_cut_on_a_feature_of_another_plug_in_is_another_cut(tmp_path: Path) -> None:
    """Also one that looks at it through a formula; packaged features are the same with any plug-in."""
    path = tmp_path / "mine.toml"
    formula = '[[feature]]\nname = "twice"\nunit = "GeV"\nformula = "2 * missing"\n'
    cuts = '[[append]]\nname = "{0}"\n{0} = {{ below = 9, unit = "GeV" }}\n'
    head = 'import na64\n@na64.feature(name="missing", unit="GeV")\ndef missing(event):\n    return {}\n'
    plugins = [Plugin("mine.py", head.format(text)) for text in ("100 - event['ecal']", "event['ecal']")]

    def identities(cut: str) -> list[str]:
        more = cuts.format(cut) if cut else ""
        path.write_text(f'base = "invisible_2023"\nname = "mine"\n{formula if cut == "twice" else ""}{more}')
        selections = [load_selection(path, extra_features=plugin.features) for plugin in plugins]
        return [selection_facts(*pair).cuts_identity for pair in zip(selections, plugins, strict=True)]

    for cut in ("missing", "twice"):
        assert len({*identities(cut)}) == 2
    assert len({*identities("")}) == 1


def test_a_table_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "background.csv"
    path.write_text("n,seal\n" + "1" * 200_000)
    with pytest.raises(ValueError, match=r"^background\.csv: field larger than field limit"):
        origin_said(path)
