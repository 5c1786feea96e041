"""Ways to get at hidden events that are known to work elsewhere: each is tried here and finds nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coffea.processor import IterativeExecutor, Runner

from na64.datasets.catalogue.build import load
from na64.datasets.conditions.periods import load_periods
from na64.datasets.reading.layout import load_layout
from na64.datasets.reading.read import read
from na64.datasets.reading.schema import NA64Schema
from na64.processors.events.visible_events import VisibleEvents, visible_events
from na64.processors.features.plugin import Plugin, PluginError
from na64.processors.job import FileContext, build_job
from na64.processors.processor import EventError, NA64Processor
from na64.selections.selection import load_selection
from na64.selections.signal_box import Unblinding

RUN = 8701
HEAD = (
    "from na64.processors.features.plugin import feature\n\n"
    '@feature(name="spoil", unit="1")\ndef spoil(event):\n'
)
WORDS = {
    "the whole memory behind an array": (
        "a = event['ecal']\nwhile getattr(a, 'base', None) is not None:\n    a = a.base\nn = len(a) / 4"
    ),
    "more than arrays": "n = sum(type(a).__name__ != 'ndarray' for a in event.values())",
    "an own attribute": (
        "n = sum(hasattr(a, 'attrs') or hasattr(a, 'layout') for a in (event, *event.values()))"
    ),
    "energies of the box": (
        "n = ((event['ecal'] < 65) & (event['hcal'] < 1.5) & (event['trigger_physics'] == 1)).sum()"
    ),
}


def seen_by(body: str, events: Any, world: Any) -> Iterator[VisibleEvents]:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    plugin = Plugin("spy.py", f"{HEAD}{lines}    return 0 * event['ecal'] + n\n")
    selection = load_selection("dimuon_2023", extra_features=plugin.features)
    job = build_job(load(world.catalogue), selection, plugin=plugin)
    return visible_events(events, job, FileContext("0" * 64, "hits", (RUN,)))


@pytest.fixture
def world(worlds: Any) -> Any:
    return worlds("hits")[0]


@pytest.fixture
def events(world: Any) -> Any:
    return read(world.files()[0], load_layout("hits"), 0, 400)


@pytest.mark.parametrize("what", WORDS)
def test_user_code_cannot_reach(world: Any, events: Any, what: str) -> None:
    (part,) = seen_by(WORDS[what], events, world)
    n_events = part.values.shape[1]
    assert 0 < n_events < events.n_events - 50
    allowed = n_events if "memory" in what else 0
    assert set(part.values[-1].tolist()) == {allowed}


CLAIMS = {
    "open": "trigger_physics * 0",
    "outside": "where(ecal < 65, 200 * GeV, ecal) / GeV",
    "nothing at all": "ecal / (hcal - hcal)",
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_no_formula_makes_hidden_events_visible(world: Any, events: Any, claim: str, tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    text = f'base = "dimuon_2023"\n[[feature]]\nname = "claim"\nunit = "1"\nformula = "{CLAIMS[claim]}"\n'
    file, found = FileContext("0" * 64, "hits", (RUN,)), []
    for name, content in (("plain", 'base = "dimuon_2023"\n'), ("claimed", text)):
        mine.write_text(content)
        job = build_job(load(world.catalogue), load_selection(mine))
        (part,) = visible_events(events, job, file)
        assert part.rows is not None
        found.append((part.accounting, part.rows.tolist(), name))
    assert found[0][:2] == found[1][:2]
    assert found[0][0]["hidden"] > 50


@pytest.mark.parametrize("name", ["ecal", "hcal", "trigger_physics", "hcal_total"])
def test_no_formula_takes_the_name_of_what_hides(name: str, tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(f'base = "dimuon_2023"\n[[feature]]\nname = "{name}"\nunit = "GeV"\nformula = "veto_0"\n')
    with pytest.raises(ValueError, match=f'"{name}" is a feature already'):
        load_selection(mine)


ATTEMPTS = (
    "event['ecal'][:] = 0",
    "event['x'] = 1",
    "event['ecal'].flags.writeable = True",
    "event['ecal'].view().flags.writeable = True",
    "event['ecal'].base[0] = 1",
    "memoryview(event['ecal']).cast('B')[0] = 1",
)


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_user_code_cannot_write(world: Any, events: Any, attempt: str) -> None:
    with pytest.raises(PluginError, match=r"spy.py, feature spoil: (ValueError|TypeError) in line 5"):
        list(seen_by(f"{attempt}\nn = 0", events, world))


def test_the_text_of_an_exception_does_not_leave(world: Any, events: Any) -> None:
    raising = "try:\n    1 / 0\nexcept ArithmeticError:\n    raise ValueError(str(event)) from None\nn = 0"
    with pytest.raises(PluginError) as caught:
        list(seen_by(raising, events, world))
    error: BaseException | None = caught.value
    assert str(error) == "plug-in spy.py, feature spoil: ValueError in line 8"
    assert error is not None
    assert error.__cause__ is None
    assert error.__context__ is None


def test_the_processor_gives_counts_only(world: Any) -> None:
    runner = Runner(IterativeExecutor(status=False), schema=NA64Schema, chunksize=10**6, savemetrics=False)
    files = {"data": [str(world.files()[0])]}
    found = runner(files, NA64Processor("dimuon_2023"), treename="events")["data"]
    tally = found[RUN]
    assert tally.hidden > 50
    arrays = (tally.first_fail, tally.single_cut, tally.n_minus_one, tally.bins, tally.contents)
    assert {array.dtype for array in arrays} == {np.dtype(np.int64)}
    assert int(tally.first_fail.sum()) == tally.visible == tally.processed - tally.hidden


def test_no_exception_under_the_runner_tells_of_events(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(events: Any, *_: Any) -> None:
        try:
            raise KeyError(f"secret {events.n_events}")
        except KeyError:
            raise ValueError(f"unexpected secret {events.event['master_time'][:3]}") from None

    monkeypatch.setattr("na64.processors.processor.process_columns", fail)
    runner = Runner(IterativeExecutor(status=False), schema=NA64Schema, chunksize=10**6, savemetrics=False)
    files = {"data": [str(world.files()[0])]}
    texts = {}
    for simulation in (False, True):
        with pytest.raises(Exception, match=r"attempt|Failed|secret|ValueError") as caught:
            runner(files, NA64Processor("dimuon_2023", simulation=simulation), treename="events")
        chain: list[BaseException] = [caught.value]
        while (following := chain[-1].__cause__ or chain[-1].__context__) is not None:
            chain.append(following)
        texts[simulation] = " ".join(map(str, chain))
        assert any(isinstance(error, EventError) for error in chain) is not simulation
    assert "secret" not in texts[False]
    assert "ValueError at " in texts[False]
    assert "unexpected secret" in texts[True]


@pytest.mark.parametrize(("scale", "change"), [(3.0, "scale"), (1.05, "scale"), (1.0, None)])
def test_another_calibration_is_refused_for_data(scale: float, change: str | None) -> None:
    period = load_periods()["2023A"]
    ecal = period.setup.calorimeter
    scaled = replace(ecal, scale=tuple(scale * one for one in ecal.scale))
    periods = {"mine": replace(period, name="mine", setup=period.setup.with_detectors(scaled))}
    NA64Processor("dimuon_2023", simulation=True, periods=periods)
    if change is None:
        NA64Processor("dimuon_2023", periods=periods)
        return
    with pytest.raises(ValueError, match="period mine: its set-up is not that of 2023A"):
        NA64Processor("dimuon_2023", periods=periods)


def test_hidden_does_not_depend_on_the_selection(worlds: Any, look: Any) -> None:
    counts = []
    for selection in ("dimuon_2023", "invisible_2023", "dimuon_2022"):
        lines = look(worlds("hits")[0], "--selection", selection).products["yields.csv"].decode().splitlines()
        column = lines[0].split(",").index("hidden")
        counts.append([line.split(",")[column] for line in lines])
    assert counts[0] == counts[1] == counts[2]


@pytest.mark.parametrize(
    "change",
    [
        {"approved_by": ("Ada",)},
        {"approved_by": ("Ada", "ADA ")},
        {"approved_by": ("Ada", "Ada\u200b")},
        {"approved_by": ("Jos\u00e9", "Jose\u0301")},
        {"reason": " "},
        {"freeze": ""},
        {"key": ""},
        {"fraction": 0.0},
        {"fraction": 1.01},
        {"fraction": float("nan")},
    ],
)
def test_there_is_no_unblinding_without_its_conditions(change: dict[str, Any]) -> None:
    whole: dict[str, Any] = {"freeze": "f", "reason": "r", "approved_by": ("Ada", "Emmy"), "key": "k"}
    assert Unblinding(**whole).opens(1, 1)
    with pytest.raises(ValueError, match=r"opening of the box|fraction"):
        Unblinding(**whole | change)


def test_a_stage_is_a_fixed_part_of_the_spills() -> None:
    whole: dict[str, Any] = {"freeze": "f", "reason": "r", "approved_by": ("Ada", "Emmy")}
    spills = [(run, spill) for run in range(100) for spill in range(100)]
    chosen = [
        {place for place in spills if Unblinding(**whole, key=key, fraction=part).opens(*place)}
        for key, part in (("k", 0.1), ("k", 0.3), ("other", 0.3))
    ]
    assert chosen[0] < chosen[1]
    assert chosen[1] != chosen[2]
    assert [
        abs(len(some) / 1e4 - part) < 0.02 for some, part in zip(chosen, (0.1, 0.3, 0.3), strict=True)
    ] == [True] * 3
