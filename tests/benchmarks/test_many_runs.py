from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

import na64
from na64.benchmarks.many_runs import FIRST, write_campaign
from na64.benchmarks.many_runs_cost import StepCost, measure_many_runs, sizes_up_to, to_markdown
from na64.datasets.catalogue import build as catalogues
from na64.datasets.catalogue.catalogue_file import load, save
from na64.datasets.catalogue.records import Catalogue, FileRecord, SampleKind
from na64.datasets.catalogue.triggers import differences
from na64.datasets.conditions.bad_spills import BadEntry, BadList
from na64.datasets.conditions.conditions import Quality, RunFacts, RunType, SpillFacts
from na64.datasets.conditions.periods import load_periods
from na64.outputs.result import messages, store
from na64.outputs.result.assembly import summarise
from na64.outputs.result.hidden_regions import log_details
from na64.outputs.result.identities import parts_of_run
from na64.outputs.result.spills import known_spills
from na64.processors.campaign import CampaignResult, partial_of, tallies_of
from na64.processors.counting.booking import book
from na64.processors.counting.tally import Tally
from na64.processors.events.segment import empty_tally
from na64.processors.job import build_job
from na64.processors.segments import identity_of, plan
from na64.selections.selection import load_selection

FIRST_RUN = 8396
"""Of period 2023A, which has 604."""

PACKAGE = str(Path(na64.__file__).parent)
SELECTION = load_selection("dimuon_2023")


def test_a_campaign_of_tiny_runs_is_one_of_good_files(tmp_path: Path) -> None:
    files = write_campaign(3, tmp_path, n_spills=5)
    built = catalogues.build([files], simulation=False, folder=tmp_path / "periods")
    assert [record.reason for record in built.files] == [""] * 3
    assert built.runs == {FIRST: 5, FIRST + 1: 5, FIRST + 2: 5}
    listed = [{run: (1, 2, 3, 4, 5)} for run in (FIRST, FIRST + 1, FIRST + 2)]
    assert sorted((part for record in built.good for part in record.spills), key=list) == listed
    assert len(built.spills) == 15
    assert differences(built, built.known_periods()) == {}


def lines_of(work: Callable[[], object]) -> int:
    """Lines of the package that are executed, each turn of a loop or a comprehension being one."""
    n_lines = 0

    def count(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal n_lines
        n_lines += event == "line"
        return count

    def enter(frame: FrameType, _event: str, _argument: Any) -> Any:
        return count if frame.f_code.co_filename.startswith(PACKAGE) else None

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        work()
    finally:
        sys.settrace(before)
    return n_lines


def campaign(*, files: int = 2, runs: int = 1, segments: int = 1, spills: int = 2) -> Catalogue:
    """Catalogue of files that are not there: each has runs of its own in every one of its segments."""
    numbers = np.arange(FIRST_RUN, FIRST_RUN + files * runs).reshape(files, runs).tolist()
    per_run = spills * segments
    listed = range(1, spills + 1)
    known = [run for of_file in numbers for run in of_file]
    return Catalogue(
        kind=SampleKind.DATA,
        files=tuple(
            FileRecord(
                path=f"/data/run_{n}.root",
                sha256=f"{n:064x}",
                layout="hits",
                entries=per_run * runs,
                runs=dict.fromkeys(of_file, per_run),
                segments=tuple(
                    (spills * runs * part, spills * runs * (part + 1)) for part in range(segments)
                ),
                spills=tuple(dict.fromkeys(of_file, tuple(listed)) for _ in range(segments)),
            )
            for n, of_file in enumerate(numbers)
        ),
        run_facts={run: RunFacts(run, RunType.PHYSICS, triggers=per_run + 1) for run in known},
        spills={
            (run, spill): SpillFacts(run, spill, 5e6, 4e6, Quality.BAD if spill % 2 else Quality.GOOD)
            for run in known
            for spill in listed
        },
        bad=BadList(tuple(BadEntry(run, spill) for run in known for spill in listed if spill % 2)),
    )


def straight_line(catalogue: Catalogue, folder: Path) -> dict[str, Callable[[], object]]:
    """Every step of a job between its files and its products, without reading an event."""
    periods, booking = load_periods(), book(SELECTION)
    path = folder / "catalogue.json"
    save(catalogue, path)
    job = build_job(catalogue, SELECTION)
    tasks = plan(catalogue, job)
    tally = empty_tally(job)
    tallies = {
        run: Tally.from_arrays(
            {**tally.to_arrays()[0], "accounting": {**tally.accounting, "processed": n, "hidden": n}},
            tally.to_arrays()[1],
        )
        for run, n in catalogue.runs.items()
    }
    read = tuple((task.payload.file.sha256, task.start, task.stop) for task in tasks)
    result = CampaignResult(tallies, catalogue.runs, (), 0, interrupted=False, read=read)
    facts = summarise(catalogue, job, result, booking, periods)
    spills = known_spills(catalogue, job, periods, result)

    def write() -> None:
        store.write_numbers(folder, facts=facts, tallies=tallies, booking=booking, made_by={}, spills=spills)

    def jobs() -> None:
        anew = load(path)
        identity_of(plan(anew, build_job(anew, SELECTION)))

    write()
    return {
        "load and plan": jobs,
        "log": lambda: log_details(job, catalogue),
        "partials": lambda: tallies_of(partial_of(tallies)),
        "summary": lambda: summarise(load(path), job, result, booking, periods),
        "spills": lambda: known_spills(load(path), job, periods, result),
        "products": write,
        "read back": lambda: store.read_result(folder),
        "messages": lambda: [*messages.of_catalogue(load(path), path, periods), *messages.of_status(facts)],
        "why": lambda: parts_of_run(load(path), job, FIRST_RUN),
    }


@pytest.mark.parametrize("what", ["files", "runs", "segments", "spills"])
def test_every_step_does_at_most_so_much_more_as_there_is_more(what: str, tmp_path: Path) -> None:
    counts: dict[str, list[int]] = {}
    for n in (6, 12, 24):
        folder = tmp_path / str(n)
        folder.mkdir()
        for step, work in straight_line(campaign(**{what: n}), folder).items():
            if n == 6:
                work()  # whatever is done once in a process
            counts.setdefault(step, []).append(lines_of(work))
    for step, (few, some, many) in counts.items():
        # Twelve more cost twice what six more did, to the line but for a search by halves; a look of each at
        # each other one costs 216 lines more.
        assert many - some <= 2 * (some - few) + 150, f"{step}: {few}, {some}, {many} lines"


def test_a_ratio_is_that_of_one_run_more() -> None:
    linear = StepCost("linear", {100: 2.0, 500: 6.0, 2000: 21.0})
    assert linear.ratio == pytest.approx(1.0)
    quadratic = StepCost("quadratic", {n: 1.0 + 1e-5 * n * n for n in (100, 500, 2000)})
    assert quadratic.ratio > 4
    fixed = StepCost("fixed", {100: 1.0, 500: 1.01, 2000: 1.05})
    assert fixed.ratio == pytest.approx(1.0)  # of nothing
    table = to_markdown([linear, quadratic])
    assert "| linear | 2.00 | 6.00 | 21.00 | 10.00 | 1.00 | met |" in table
    assert "**missed**" in table
    assert sizes_up_to(2000) == (100, 500, 2000)
    assert sizes_up_to(10_000) == (500, 2500, 10_000)


@pytest.mark.soak
def test_every_step_is_measured(tmp_path: Path) -> None:
    costs = measure_many_runs((1, 2, 3), tmp_path, n_spills=4, say=lambda _line: None)
    assert [cost.name for cost in costs][:2] == ["catalogue", "catalogue, nothing new"]
    assert all(set(cost.seconds) == {1, 2, 3} for cost in costs)
    assert list(tmp_path.iterdir()) == []
