"""Run files that are damaged, doubled, cut or of another kind."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot

from na64.datasets.synthetic.writers import list_type

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
    return list_type(values.layout.content.dtype) if isinstance(values, ak.Array) else values.dtype


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
