"""Every bad input ends in quarantine with a reason, or in the reference; never in a third way."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

Damage = Callable[[Any], Any]
Tell = Callable[[str, str, str], None]

BAD = "run_8701.root"
RUN = 8701
TWICE = "listed 2 times, counted once"
EVENT = 5
"""The event that is damaged in files where only one is; it has hits, and is in no bad spill."""


@dataclass(frozen=True)
class Case:
    """A way to damage the files, and what has to come of it.

    `damage` may return the paths to be catalogued instead of the folder. `reason` is of the quarantine of
    `name`, or of the event that is skipped; without it the result is the reference.
    """

    name: str
    damage: Damage
    reason: str = ""
    bad: str = BAD
    skipped: str = ""
    warning: str = ""


def cut(share: float) -> Damage:
    def damage(files: Any) -> None:
        data = files.path(BAD).read_bytes()
        files.path(BAD).write_bytes(data[: int(share * len(data))])

    return damage


def put(data: bytes, name: str = BAD) -> Damage:
    return lambda files: void(files.path(name).write_bytes(data))


def void(_: object) -> None:
    """Nothing to be catalogued instead."""


def change(edit: Callable[[dict[str, Any]], Any], **options: Any) -> Damage:
    """Rewrite the file with branches that were edited in place."""

    def damage(files: Any) -> None:
        branches = files.read(BAD)
        edit(branches)
        files.write(BAD, branches, **options)

    return damage


def set_to(name: str, value: Any) -> Damage:
    """Set a flat branch, or the first hit of a jagged one, of one event."""

    def edit(branches: dict[str, Any]) -> None:
        values = branches[name]
        if isinstance(values, ak.Array):
            content = np.array(ak.flatten(values))
            content = content.astype(np.result_type(content, np.min_scalar_type(value)))
            content[ak.num(values)[:EVENT].to_numpy().sum()] = value
            branches[name] = ak.unflatten(content, ak.num(values))
        else:
            branches[name] = values.copy()
            branches[name][EVENT] = value

    return change(edit)


def cast(name: str, dtype: str) -> Damage:
    def edit(branches: dict[str, Any]) -> None:
        branches[name] = (
            ak.values_astype(branches[name], dtype)
            if branches[name].ndim > 1
            else branches[name].astype(dtype)
        )

    return change(edit)


def some(branches: dict[str, Any], start: int, stop: int) -> dict[str, Any]:
    return {name: values[start:stop] for name, values in branches.items()}


def half(branches: dict[str, Any]) -> dict[str, Any]:
    return some(branches, 0, len(branches["run"]) // 2)


def one_more_hit(branches: dict[str, Any]) -> None:
    energy = branches["ecal_energy"].to_list()
    energy[EVENT].append(1.0)
    branches["ecal_energy"] = ak.values_astype(ak.Array(energy), "float32")


def crowd(branches: dict[str, Any]) -> None:
    """Give an event hits enough for a hundred of its detector."""
    for name in [name for name in branches if name.startswith("srd_")]:
        hits = branches[name].to_list()
        hits[EVENT] = (hits[EVENT] or [1.0]) * 400
        branches[name] = ak.values_astype(ak.Array(hits), ak.flatten(branches[name]).layout.dtype)


def directory(files: Any) -> None:
    files.path(BAD).unlink()
    files.path(BAD).mkdir()


def dangling(files: Any) -> None:
    files.path(BAD).unlink()
    files.path(BAD).symlink_to("nowhere.root")


def fifo(files: Any) -> None:
    files.path(BAD).unlink()
    os.mkfifo(files.path(BAD))


def two_cycles(files: Any) -> None:
    branches = files.read(BAD)
    files.path(BAD).unlink()
    with uproot.recreate(files.path(BAD)) as file:
        for part in (half(branches), branches):
            stored = file.mktree("events", {n: tree_type(v) for n, v in part.items()})
            stored.extend(part)


def another_cycle(files: Any) -> None:
    """Open the file again and write events under the name of the tree, as with UPDATE in ROOT."""
    append(files, "events", some(files.read(BAD), 0, 40))


def append(files: Any, name: str, branches: dict[str, Any]) -> None:
    with uproot.update(files.path(BAD)) as file:
        stored = file.mktree(name, {n: tree_type(v) for n, v in branches.items()})
        stored.extend(branches)


def twice(files: Any) -> None:
    branches = files.read(BAD)
    files.write(BAD, branches, some(branches, 10, 20))


def hidden(files: Any) -> None:
    for name in (".nfs0001.root", "._run.root"):
        shutil.copyfile(files.path("run_8703.root"), files.path(name))
    files.path(".sys.v#.run.root").mkdir()


def two_columns(files: Any) -> None:
    branches = files.read(BAD)
    files.write(BAD, branches | {"master_timf": branches["master_time"]})
    files.path(BAD).write_bytes(files.path(BAD).read_bytes().replace(b"master_timf", b"master_time"))


def tree_type(values: Any) -> Any:
    return f"var * {values.layout.content.dtype}" if isinstance(values, ak.Array) else values.dtype


def negative_zero(branches: dict[str, Any]) -> None:
    for name in ("ecal_energy", "hcal_energy"):
        hits = ak.to_list(branches[name])
        for event, (zero, tiny) in enumerate([(-0.0, 1e-45), (-0.0, -1e-45)]):
            hits[event].extend([zero, tiny])
        branches[name] = ak.values_astype(ak.Array(hits), "float32")
        for other in ("cell", "residual", "sigma"):
            key = name.replace("energy", other)
            lists = ak.to_list(branches[key])
            for event in (0, 1):
                lists[event].extend([1, 1])
            branches[key] = ak.values_astype(ak.Array(lists), "uint8" if other == "cell" else "float32")


def again(*more: str) -> Damage:
    """List a file under further names."""
    return lambda files: [files.folder, *(f"{files.folder}/{name}" for name in more)]


def link(files: Any) -> None:
    files.path("run_other.root").symlink_to(BAD)


def copy(files: Any) -> None:
    shutil.copyfile(files.path(BAD), files.path("run_other.root"))


def two_datasets(files: Any) -> list[Path]:
    other = files.folder.parent / "other"
    other.mkdir()
    shutil.copyfile(files.path(BAD), other / BAD)
    return [files.folder, other]


def rewritten(files: Any) -> None:
    files.write("run_again.root", files.read(BAD), compression=uproot.ZSTD(3))


def as_rntuple(files: Any) -> None:
    files.write("run_again.root", files.read(BAD), container="rntuple")


def overlapping(files: Any) -> None:
    branches = files.read(BAD)
    files.write("run_again.root", some(branches, 100, 125))


def of_run(number: int, dtype: str = "uint32") -> Damage:
    def edit(branches: dict[str, Any]) -> None:
        branches["run"] = np.full(len(branches["run"]), number, dtype)

    return change(edit)


def two_runs(files: Any) -> None:
    parts = [files.read(BAD), files.read("run_8703.root")]
    files.path("run_8703.root").unlink()
    files.write(BAD, *parts)


def empty(name: str, container: str) -> Damage:
    return lambda files: void(files.write(name, some(files.read(BAD), 0, 0), container=container))


def swapped(files: Any) -> None:
    files.write("run_8703.parquet", files.read("run_8703.root"), container="parquet")
    files.path("run_8703.root").unlink()
    files.path(BAD).rename(files.path("run_new.parquet"))
    files.path("run_8703.parquet").rename(files.path("run_8703.root"))


def renamed(name: str) -> Damage:
    return lambda files: void(files.path(BAD).rename(files.path(name)))


def bomb(container: str, jagged: bool) -> Damage:
    """Tens of megabytes of equal numbers, some kilobytes on disk."""

    def damage(files: Any) -> None:
        n_events, n_hits = (10, 50_000) if jagged else (200_000, 0)
        branches = {
            name: np.zeros(n_events, values.dtype)
            for name, values in files.read(BAD).items()
            if not isinstance(values, ak.Array)
        }
        branches["run"][:] = RUN
        branches["event"][:] = np.arange(n_events) if jagged else 7
        for name, values in files.read(BAD).items():
            if isinstance(values, ak.Array):
                hits = np.zeros(n_hits * n_events, values.layout.content.dtype)
                branches[name] = ak.unflatten(hits, np.full(n_events, n_hits))
        name = "run_8701.parquet" if container == "parquet" else BAD
        files.path(BAD).unlink()
        files.write(name, branches, container=container, compression=uproot.ZSTD(1))

    return damage


def hostile(branches: dict[str, Any]) -> None:
    for name in ("__class__", 'it\'s "quoted"', "../up", "new\nline", "{0.__class__}", "x" * 200):
        branches[name] = np.arange(len(branches["run"]))


def more(branches: dict[str, Any]) -> None:
    branches["something_else"] = np.zeros(len(branches["run"]))


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
