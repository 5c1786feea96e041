"""Every bad input ends in quarantine with a reason, or in the reference; never in a third way."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from na64.tests.torture.bad_inputs import (
    BAD,
    EVENT,
    RUN,
    TWICE,
    Case,
    Tell,
    again,
    another_cycle,
    append,
    as_rntuple,
    bomb,
    cast,
    change,
    copy,
    crowd,
    cut,
    dangling,
    directory,
    empty,
    fifo,
    hidden,
    hostile,
    link,
    more,
    negative_zero,
    of_run,
    one_more_hit,
    overlapping,
    put,
    renamed,
    rewritten,
    set_to,
    some,
    swapped,
    twice,
    two_columns,
    two_cycles,
    two_datasets,
    two_runs,
    void,
)

CASES = [
    *(
        Case(f"1-4 truncated to {share:.1%}", cut(share), "truncated|cannot be read")
        for share in (0.05, 0.5, 0.9, 0.995)
    ),
    Case("5 zero byte", put(b""), "no content"),
    Case("6 magic only", put(b"root"), "cannot be read"),
    Case("7 text", put(b"run,event\n1,2\n"), "neither ROOT nor Parquet"),
    Case("8 directory", directory, "is a directory"),
    Case("9 missing behind a link", dangling, "No such file"),
    Case("named pipe", fifo, "not a regular file"),
    Case("11 wrong tree", change(void, tree="other"), r'tree "other" found, expected'),
    Case("12 two cycles of a tree", two_cycles),
    Case("12 two cycles, other events", another_cycle, "two trees events;1 and events;2 with different ev"),
    Case(
        "12 a tree in a folder",
        lambda files: append(files, "again/events", some(files.read(BAD), 0, 40)),
        'trees "events" and "again/events" of layout hits, expected one',
    ),
    Case("13 two branches of one name", two_columns, 'branch "master_time" is there 2 times'),
    Case("13 missing branch", change(lambda b: b.pop("hcal_energy")), "hcal_energy"),
    Case("14 extra branch", change(more)),
    Case("15 float64 energies", cast("ecal_energy", "float64")),
    Case("15 float64 for a counter", cast("run", "float64"), "run"),
    Case("16 int16 energies", cast("ecal_energy", "int16"), "ecal_energy"),
    Case("17 jagged for flat", change(lambda b: b.update(master_time=b["ecal_energy"])), "master_time"),
    Case("17 flat for jagged", change(lambda b: b.update(ecal_energy=b["master_time"])), "ecal_energy"),
    Case("18 unequal jagged counts", change(one_more_hit), skipped="unequal_hits"),
    Case("19 NaN", set_to("ecal_energy", np.nan), skipped="nonfinite"),
    Case("19 NaN of a track", set_to("track_momentum", np.nan), skipped="nonfinite"),
    Case("20 infinite", set_to("hcal_energy", np.inf), skipped="nonfinite"),
    Case("20 minus infinite", set_to("ecal_residual", -np.inf), skipped="nonfinite"),
    Case("21 minus zero and denormal", change(negative_zero)),
    Case("22 cell is n", set_to("ecal_cell", 60), skipped="cell_range"),
    Case("22 cell is 255", set_to("hcal_cell", 255), skipped="cell_range"),
    Case("23 cell is -1", set_to("ecal_cell", -1), skipped="cell_range"),
    Case("24 cell is 2e9", set_to("ecal_cell", 2_000_000_000), skipped="cell_range"),
    Case("25 listed twice", again(BAD, BAD)),
    Case("26 alias ./", again(f"./{BAD}", f"conditions/../{BAD}")),
    Case("27 symbolic link", link, warning=TWICE),
    Case("28 copy", copy, warning=TWICE),
    Case("28 copy in another folder", two_datasets, warning=TWICE),
    Case("29 same events written again", rewritten, "also in", "either"),
    Case("30 overlapping events", overlapping, "25 events of run 8701 are also in", "either"),
    Case("30 events twice in the file", twice, "10 events of run 8701 are in it more than once"),
    Case("30 hidden files", hidden),
    Case("31 unlisted run", of_run(999999), "run 999999 is outside every period"),
    Case("32 run -1", of_run(-1, "int32"), "run -1"),
    Case("32 run 2^31-1", of_run(2**31 - 1), "run 2147483647"),
    Case("33 two runs in one file", two_runs),
    Case("34 empty tree", empty("run_8704.root", "ttree")),
    Case("34 empty RNTuple", empty("run_8704.root", "rntuple")),
    Case("35 empty Parquet", empty("run_8704.parquet", "parquet")),
    Case("36 ROOT named Parquet and reverse", swapped, "expected (ROOT|Parquet) by its name", "both"),
    Case("37 RNTuple of the same events", as_rntuple, "also in", "either"),
    Case("38 unicode in the name", renamed("run_µ粒子.root")),
    Case("38 newline in the name", renamed("run_\n8701.root"), "control characters", r"run_\x0a8701.root"),
    Case("38 punctuation in the name", renamed("run:8701 #%20*[1]?.root")),
    *(
        Case(f"41 bomb, {kind} {container}", bomb(container, kind == "jagged"), "bytes", bad)
        for kind in ("flat", "jagged")
        for container, bad in (("ttree", BAD), ("rntuple", BAD), ("parquet", "run_8701.parquet"))
    ),
    Case("41 too many hits of an event", change(crowd), skipped="too_many_hits"),
    Case("42 hostile names", change(hostile)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_input_is_refused_or_changes_nothing(
    case: Case, campaign: Any, reference: Callable[..., Any], tell: Tell
) -> None:
    paths = case.damage(campaign) or [campaign.folder]
    catalogue = campaign.catalogue(*paths)
    result, summary = campaign.process(catalogue)
    good = reference()
    assert not result.failures
    if case.reason:
        reasons = {record.name: record.reason for record in catalogue.unreviewed}
        tell(case.name, "QUARANTINE", "; ".join(reasons.values()))
        check_quarantine(case, reasons, summary)
    else:
        assert not catalogue.unreviewed, catalogue.unreviewed
        assert not summary.reasons
    untouched = {8702, 8703} if case.bad != "both" else {8702}
    for run in untouched:
        assert result.tallies[run] == good.tallies[run]
        assert result.recorded[run] == good.recorded[run]
    if case.skipped:
        check_skipped(case, campaign, result)
        tell(case.name, "SKIPPED", f"1 event: {case.skipped}")
    elif not case.reason:
        tell(case.name, "EQUAL", "; ".join(catalogue.warnings))
        assert not case.warning or case.warning in catalogue.warnings[0]
        assert {run: t for run, t in result.tallies.items() if result.recorded[run]} == good.tallies


def check_quarantine(case: Case, reasons: dict[str, str], summary: Any) -> None:
    names = {"either": {BAD, "run_again.root"}, "both": {"run_new.parquet", "run_8703.root"}}
    if case.bad == "either":
        assert len(reasons) == 1
    else:
        assert set(reasons) == names.get(case.bad, {case.bad})
    for name, reason in reasons.items():
        assert name in names.get(case.bad, {case.bad})
        assert re.search(case.reason, reason), reason
        assert "\n" not in reason
    assert summary.verdict.value == "INCOMPLETE"
    assert {name for name, _ in summary.files.not_read} == set(reasons)


def check_skipped(case: Case, campaign: Any, result: Any) -> None:
    """The file without its bad event gives the same but for the accounting."""
    tally = result.tallies[RUN]
    assert tally.accounting[f"skipped_{case.skipped}"] == 1
    assert tally.read == result.recorded[RUN]
    branches = campaign.read(BAD)
    parts = [some(branches, 0, EVENT), some(branches, EVENT + 1, len(branches["run"]))]
    campaign.write(BAD, *parts)
    without = campaign.process(campaign.catalogue())[0].tallies[RUN]
    assert without.processed == tally.processed
    for mine, other in zip(tally.to_arrays()[1].values(), without.to_arrays()[1].values(), strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("event", ["ecal_energy", "hcal_energy"])
def test_an_event_that_is_not_finite_is_hidden_in_data(
    event: str, campaign: Any, reference: Callable[..., Any], tell: Tell
) -> None:
    set_to(event, np.nan)(campaign)
    result, summary = campaign.process(campaign.catalogue(simulation=False))
    good = reference(simulation=False)
    assert not summary.reasons
    assert result.tallies[8702] == good.tallies[8702]
    found, before = result.tallies[RUN], good.tallies[RUN]
    assert (found.processed, found.skipped) == (before.processed, before.skipped)
    assert found.hidden - before.hidden == 1
    tell(f"19 NaN of {event} in data", "HIDDEN", "1 event")


@contextmanager
def as_nobody() -> Iterator[None]:
    try:
        os.seteuid(65534)
    except OSError:
        pytest.skip("permissions can be tested by root only: nobody else can become another user")
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_without_permission_is_quarantined(campaign: Any, reference: Any, tell: Tell) -> None:
    campaign.catalogue()  # what is imported late is read as root
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for path in campaign.folder.glob("*.root"):
            shutil.copyfile(path, folder / path.name)
        (folder / BAD).chmod(0o000)
        with as_nobody():
            catalogue = campaign.catalogue(folder)
        result, summary = campaign.process(catalogue)
    (record,) = catalogue.unreviewed
    assert (record.name, record.reason) == (BAD, "cannot be read: Permission denied")
    assert summary.verdict.value == "INCOMPLETE"
    assert sum(result.recorded.values()) == sum(tally.read for tally in result.tallies.values())
    tell("10 no permission", "QUARANTINE", record.reason)


@pytest.mark.parametrize("path", ["nothing.root", "no_folder/", "*.root2"])
def test_a_path_where_nothing_is_is_refused_by_name(path: str, campaign: Any, tell: Tell) -> None:
    with pytest.raises(ValueError, match=re.escape(path.rstrip("/"))) as refused:
        campaign.catalogue(campaign.folder, campaign.folder / path)
    tell(f"9 missing {path}", "REFUSED", str(refused.value).rpartition("/")[2])
