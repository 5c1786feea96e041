"""Whatever happens, in whatever order, and however the work is cut and spread: in the end the same bytes."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from na64.processors.events.feature_store import FeatureStore
from na64.processors.execution.backend import Backend
from na64.processors.execution.executor import UserCodeError

Tell = Callable[[str, str, str], None]


def damage(path: Path, place: float) -> None:
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 4
    path.write_bytes(data)


class Machine(RuleBasedStateMachine):
    """A campaign that is processed again and again; results are lost, damaged and made again."""

    bench: Any
    crew: Backend
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        shutil.rmtree(self.folder, ignore_errors=True)

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def run(self, backend: Backend, *, chunk_events: int | None, stored: bool, fresh: bool) -> Any:
        store = FeatureStore(self.folder / "features") if stored else None
        (self.folder / "features").mkdir(parents=True, exist_ok=True)
        options = {"chunk_events": chunk_events, "store": store, "fresh": fresh, "backoff": 0.0}
        return self.bench.run(backend, self.folder / "ledger", **options)

    @rule(
        seed=st.integers(0, 99),
        chunk_events=st.sampled_from([None, 1, 7, 40]),
        stored=st.booleans(),
        fresh=st.booleans(),
    )
    def process(self, seed: int, chunk_events: int | None, stored: bool, fresh: bool) -> None:
        backend = self.bench.shuffled(random.Random(seed))
        result = self.run(backend, chunk_events=chunk_events, stored=stored, fresh=fresh)
        assert self.bench.equals(result)

    @rule(chunk_events=st.sampled_from([None, 9]), stored=st.booleans())
    def process_by_others(self, chunk_events: int | None, stored: bool) -> None:
        result = self.run(self.crew, chunk_events=chunk_events, stored=stored, fresh=False)
        assert self.bench.equals(result)

    @rule(seed=st.integers(0, 99), after=st.integers(0, 3), stored=st.booleans())
    def process_and_die(self, seed: int, after: int, stored: bool) -> None:
        backend = self.bench.shuffled(random.Random(seed), after)
        try:
            self.run(backend, chunk_events=None, stored=stored, fresh=True)
        except BaseException as error:  # as a driver that is killed: nothing between takes notice
            if type(error).__name__ != "DriverGoneError":
                raise

    @rule(which=st.floats(0, 0.999), place=st.floats(0, 0.999))
    def damage_a_file(self, which: float, place: float) -> None:
        if files := self.files():
            damage(files[int(which * len(files))], place)

    @rule(which=st.floats(0, 0.999), keep=st.booleans())
    def lose_a_file(self, which: float, keep: bool) -> None:
        if files := self.files():
            path = files[int(which * len(files))]
            path.write_bytes(path.read_bytes()[:100]) if keep else path.unlink()

    def teardown(self) -> None:
        result = self.run(self.bench.shuffled(random.Random(0)), chunk_events=None, stored=True, fresh=False)
        assert self.bench.equals(result)


@pytest.mark.parametrize("n_schedules", [5, pytest.param(60, marks=pytest.mark.soak)])
def test_results_do_not_depend_on_what_came_before(
    n_schedules: int, bench: Any, crew: Backend, tmp_path: Path, tell: Tell
) -> None:
    made = type("Made", (Machine,), {"bench": bench, "crew": crew, "folder": tmp_path / "state"})
    run_state_machine_as_test(
        made,
        settings=settings(
            max_examples=n_schedules,
            stateful_step_count=8,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    tell(f"17 chunks, order, executor, resume: {n_schedules}", "EQUAL", "")


IN_THE_WORK = ["kill", "always kill", "hang", "raise"]
IN_THE_LEDGER = ["flip", "lose", "again", "reorder"]


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(4))
def test_a_random_schedule_of_faults(
    seed: int, bench: Any, backend: Backend, tmp_path: Path, tell: Tell
) -> None:
    draw, folder, done = np.random.default_rng(seed), tmp_path / "ledger", []
    deadline = bench.patience(backend, tmp_path / "warm", least=5.0)
    for _ in range(6):
        fault = str(draw.choice(IN_THE_WORK + IN_THE_LEDGER))
        asked = f"{fault} {draw.choice(bench.marks())}"
        done.append(fault)
        if fault in IN_THE_WORK:
            bench.ask(asked)
        partials = sorted(folder.rglob("*.partial"))
        if fault in ("flip", "lose") and partials:
            spoil(partials[draw.integers(len(partials))], fault, float(draw.random()))
        chosen = bench.shuffled(random.Random(seed)) if fault == "reorder" else backend
        options = {"fresh": fault not in ("flip", "lose"), "deadline": deadline if fault == "hang" else None}
        if fault == "raise":  # code of the user that fails ends the pass
            with pytest.raises(UserCodeError, match=r"feature nothing: ZeroDivisionError in line \d+"):
                bench.run(chosen, folder, backoff=0.01, **options)
        else:
            result = bench.run(chosen, folder, backoff=0.01, **options)
            assert len(result.failures) == (fault in ("always kill", "hang"))
            assert bool(sum(result.missing.values())) == bool(result.failures)
        assert (bench.place / f"{asked}.taken").exists() == (fault in ("kill", "hang", "raise"))
        bench.forget()
    result = bench.run(backend, folder)
    assert bench.equals(result)
    tell(f"schedule {seed}, {type(backend).__name__}", "EQUAL", ", ".join(done))


def spoil(partial: Path, fault: str, place: float) -> None:
    if fault == "flip":
        damage(partial, place)
    else:
        partial.unlink()
