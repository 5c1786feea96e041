"""A stored result together with the files and the selection it was made of, to look at its events again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from na64.datasets.catalogue.build import Catalogue
from na64.outputs.blinding.freeze import read_manifest
from na64.outputs.blinding.names import UNBLINDED
from na64.outputs.blinding.opened_box import OpenedBox, as_opened, read_opened
from na64.outputs.result.identities import parts_of_job, parts_of_run
from na64.outputs.result.products import Products
from na64.outputs.result.request import read_request, set_up
from na64.outputs.result.store import read_result
from na64.processors.job import Job
from na64.processors.reread_events import EventBatch, read_visible_events
from na64.processors.unblinded_counts import Opening, read_opened_events
from na64.selections.selection import VISIBLE, Selection
from na64.selections.signal_box import Unblinding

_CODE = ("kernels", "code of features", "code of counting")


@dataclass(frozen=True, slots=True)
class ReopenedResult:
    """A stored result, and the job that made it set up again.

    Attributes
    ----------
    folder : Path
        Where `na64 process` wrote to.
    products : Products
    catalogue : Catalogue
    job : Job
    limit : int or None
        Events a run that the result is of.
    other_code : bool
        The result was made by another version of the code: cuts may act otherwise now.
    opening : Opening or None
        Set if the events are those of the opened box, and not the visible ones.
    n_opened : mapping of str to int
        How many of them passed a cut and all before when the box was opened; before any cut as `VISIBLE`.
    """

    folder: Path
    products: Products
    catalogue: Catalogue
    job: Job
    limit: int | None
    other_code: bool
    opening: Opening | None = None
    n_opened: Mapping[str, int] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What may be looked at: ``visible`` or ``opened``."""
        return "opened" if self.opening else "visible"

    @property
    def selection(self) -> Selection:
        """The selection of the result."""
        return self.job.selection

    @property
    def units(self) -> dict[str, str]:
        """Unit of each feature by name, in storage order, those of a plug-in included."""
        return {name: feature.unit for name, feature in self.selection.features.items()}

    def stage(self, after: str | None) -> int:
        """How many cuts come up to the named one; all by default, none for ``visible``.

        Raises
        ------
        KeyError
            The selection has no such cut.
        """
        stages = (VISIBLE, *self.selection.cut_names)
        if after is None:
            return len(stages) - 1
        if after not in stages:
            raise KeyError(f'selection {self.selection.name} has no cut "{after}", only {", ".join(stages)}')
        return stages.index(after)

    def read_events(
        self, *, runs: Collection[int] | None = None, cells: bool = False
    ) -> Iterator[EventBatch]:
        """Read the visible events of the result again, or the opened ones, by run, file and entry."""
        if self.opening:
            return read_opened_events(self.catalogue, self.opening, runs=runs, cells=cells)
        return read_visible_events(self.catalogue, self.job, runs=runs, limit=self.limit, cells=cells)


def reopen(folder: Path) -> ReopenedResult:
    """Read a result and set its job up again.

    Raises
    ------
    FileNotFoundError
        There is no result of `na64 process`.
    ValueError
        Selection, plug-in, files or numbers are not those of the result any more.
    """
    products, request = read_result(folder), read_request(folder)
    catalogue, job = set_up(folder, request)
    changed = list(_changes(products, catalogue, job))
    if others := [name for name in changed if name not in _CODE]:
        raise ValueError(
            f"{folder.name}: not as it was when the result was made: {', '.join(others[:3])}; "
            "na64 process makes a new one, na64 why says what changed"
        )
    return ReopenedResult(folder, products, catalogue, job, request.limit, other_code=bool(changed))


def reopen_box(folder: Path) -> ReopenedResult:
    """Set up the job of a result whose box was opened, to look at the opened events again.

    Raises
    ------
    ValueError
        The box is closed, or was opened for something else; or as `reopen`.
    """
    analysis = reopen(folder)
    box = read_opened(folder, analysis.products.summary)
    if box is None:
        raise ValueError(f"{folder.name}: its box is closed; na64 unblind opens one that was frozen")
    if box.unknown or not box.counts:
        raise ValueError(f"{folder.name}: {box.unknown or box.problem}")
    products = as_opened(analysis.products, box)
    if box.result != dict(products.summary.products):
        raise ValueError(f"{folder.name}: the box was opened for another result than the one that is there")
    if tuple(box.cutflow) != ("box", *analysis.selection.cut_names):
        raise ValueError(f"{UNBLINDED}: cutflow: not the cuts of the selection")
    names = (VISIBLE, *analysis.selection.cut_names)
    n_opened = dict(zip(names, box.cutflow.values(), strict=True))
    opening = _opening(folder, box, analysis.job)
    return replace(analysis, products=products, opening=opening, n_opened=n_opened)


def _opening(folder: Path, box: OpenedBox, job: Job) -> Opening:
    manifest = read_manifest(folder, box.freeze)
    unblinding = Unblinding(box.freeze, box.reason, box.approved_by, manifest["stage_key"], box.fraction)
    return Opening(job, unblinding, frozenset(manifest["frozen"].get("opened_before", ())))


def _changes(products: Products, catalogue: Catalogue, job: Job) -> Iterator[str]:
    then, now = products.summary.identities, parts_of_job(job)
    yield from (name for name in now if name in then and then[name] != now[name])
    for facts in products.summary.runs:
        if facts.run not in job.runs:
            yield f"run {facts.run}"
            continue
        found = parts_of_run(catalogue, job, facts.run)
        for name in sorted(found.keys() | facts.identities.keys()):
            if found.get(name) != facts.identities.get(name):
                yield f"{name} of run {facts.run}"
