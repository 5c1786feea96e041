"""Counting: a selection over a catalogue, and the products of it."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from na64.datasets.basics.atomic_file import remove_abandoned, write_bytes
from na64.datasets.basics.garbage import collection_paused
from na64.datasets.basics.turns import turn
from na64.datasets.catalogue.build import Catalogue
from na64.datasets.compiled.jit import CACHE_NOTE
from na64.outputs.analysis.executor_choice import choose, seconds_left
from na64.outputs.analysis.listening import Listener, Progress, Tell, no_progress, silent
from na64.outputs.analysis.plans import (
    Plan,
    claim_folder,
    load_plan,
    store_of,
    what_is_hidden,
)
from na64.outputs.analysis.result import Result
from na64.outputs.analysis.workers import Workers
from na64.outputs.result import messages, store
from na64.outputs.result.assembly import summarise
from na64.outputs.result.metrics import METRICS, Metered, to_json
from na64.outputs.result.product_names import COUNTING, COUNTING_PATIENCE, PRODUCTS
from na64.outputs.result.provenance import plugin_facts, provenance
from na64.outputs.result.request import Request, begin, finish, request_file
from na64.outputs.result.spills import known_spills
from na64.outputs.result.summary import Summary
from na64.processors import campaign
from na64.processors.campaign import CampaignResult
from na64.processors.counting.booking import book
from na64.processors.events.feature_store import FeatureStore
from na64.processors.events.ready_kernels import make_ready
from na64.processors.execution.ledger import Ledger
from na64.processors.execution.tasks import Options
from na64.processors.job import Job


def process(
    catalogue: str | Path,
    *,
    selection: str | Path,
    to: str | Path | None = None,
    runs: str | Collection[int] | None = None,
    limit: int | None = None,
    plugin: str | Path | None = None,
    settings: Sequence[str] = (),
    calibration: str | Path | None = None,
    store: str | Path | None = None,
    chunk_events: int | None = None,
    executor: str | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    cluster: str | Path | None = None,
    dashboard: bool = False,
    insecure: bool = False,
    memory: int | None = None,
    deadline: int = 1800,
    fresh: bool = False,
    replace: bool = False,
    report: bool = True,
    command: Sequence[str] = (),
    progress: Progress = no_progress,
    check_progress: Progress = no_progress,
    tell: Tell = silent,
    note: Tell | None = None,
) -> Result:
    """Result of a selection over a catalogue, as `na64 process` makes it; resumes what was begun.

    A script that uses the executors ``processes`` or ``dask`` starts itself again in every worker: what it
    does belongs under ``if __name__ == "__main__":``.

    Parameters
    ----------
    catalogue : str or Path
        Made by `catalogue`.
    selection : str or Path
        Name of a packaged selection, or a TOML file.
    to : str or Path, optional
        Folder of the result; by default ``results/<identity>``.
    runs : str or collection of int, optional
        Only these, as ``"8396-8458,8500"`` or one by one.
    limit : int, optional
        Events of each run that are read; the result is then ``INCOMPLETE``.
    plugin : str or Path, optional
        Python file with features of your own.
    settings : sequence of str
        Other values for the selection, as ``"vhcal.vhcal_total.below=3"``, in the unit of its file.
    calibration : str or Path, optional
        Constants of cells in place of the periods' own: the folder that `calibrate` wrote, or a TOML file.
    store : str or Path, optional
        Folder of features that later selections start from; by default ``features`` beside the catalogue.
    chunk_events : int, optional
        Most events read at a time; without influence on the result.
    executor : {"dask", "processes", "iterative"}, optional
        By default this process, or a Dask cluster of this machine where that saves time.
    workers : int, optional
        By default the number of cores.
    scheduler : str, optional
        Address of a Dask cluster.
    cluster : str or Path, optional
        Where workers come from: ``slurm``, ``htcondor``, ... or a TOML file.
    dashboard, insecure : bool
        Serve the pages of Dask; accept a scheduler on another host that does not encrypt.
    memory : int, optional
        MB that a worker on this machine may use.
    deadline : int
        Longest time in s for one piece of a file.
    fresh : bool
        Count again what was counted before.
    replace : bool
        Remove the result of another selection or catalogue from the folder.
    report : bool
        Draw plots and ``report.html`` too.
    command : sequence of str
        Words that the provenance names as the command; by default those of the one that counts the same.
    progress : callable
        Takes the numbers of events done and of all.
    check_progress : callable
        Takes the numbers of files looked at before and of all.
    tell : callable
        Takes lines about the result, as they come.
    note : callable, optional
        Takes what is to be known besides, such as what is hidden; by default that is logged.

    Returns
    -------
    Result
        Its `verdict` says whether it is complete.

    Raises
    ------
    KeyError, ValueError, FileNotFoundError
        A file, selection, run or option that cannot be used; names it.
    na64.outputs.blinding.replacement.OtherResultError
        The folder holds the result of something else (a ``ValueError``).
    na64.datasets.basics.turns.BusyError
        Another job counts into the same folder (a ``RuntimeError``).
    KeyboardInterrupt
        It was interrupted; what was finished is kept.

    Examples
    --------
    >>> result = na64.process("2023.json", selection="dimuon_2023", to="out", executor="iterative")
    >>> result.cutflow.loc["all"].index[0]
    'visible'
    """
    plan = load_plan(
        catalogue,
        selection,
        runs=runs,
        limit=limit,
        plugin=plugin,
        settings=settings,
        calibration=calibration,
    )
    folder = Path(to) if to is not None else default_folder(plan)
    counting = _Counting(
        plan=plan,
        folder=folder,
        workers=Workers(executor, workers, scheduler, cluster, dashboard, insecure, memory),
        store=store,
        options=Options(blind=not plan.job.simulation, deadline=deadline),
        chunk_events=chunk_events,
        fresh=fresh,
        listener=Listener(progress, tell, note),
        check_progress=check_progress,
    )
    with turn(folder, COUNTING, "na64 process", patience=COUNTING_PATIENCE):
        counting.run(replace=replace, command=command or plan.command, report=report)
        return Result(folder)


def default_folder(plan: Plan) -> Path:
    """Folder of a result that was given none: its name is what it is made of."""
    return Path("results") / plan.identity[:16]


@dataclass(frozen=True, slots=True)
class _Counting:
    """One job and how it is done."""

    plan: Plan
    folder: Path
    workers: Workers
    store: str | Path | None
    options: Options
    chunk_events: int | None
    fresh: bool
    listener: Listener
    check_progress: Progress

    def run(self, *, replace: bool, command: Sequence[str], report: bool) -> None:
        """Count, and write the products."""
        plan, folder = self.plan, self.folder
        self.listener.say(claim_folder(folder, plan, replace=replace))
        request = begin(folder, plan.request, plan.job, plan.catalogue)
        for line in what_is_hidden(request, folder):
            self.listener.warn(f"process: {line}")
        if CACHE_NOTE:
            self.listener.warn(f"process: {CACHE_NOTE}")
        result = self._count()
        if result.interrupted:
            raise KeyboardInterrupt
        with turn(folder, PRODUCTS, "na64 process"):
            write_products(
                plan.catalogue,
                plan.job,
                result,
                folder,
                request=request,
                scope=plan.scope,
                command=command,
                report=report,
                listener=self.listener,
            )
            finish(folder, request)

    def _count(self) -> CampaignResult:
        plan, ledger = self.plan, Ledger(self.folder / "partials")
        n_events = sum(task.n_events for task in plan.tasks)
        store = FeatureStore(store_of(self.store, plan.path))
        seconds = seconds_left(plan.tasks, plan.catalogue.good, plan.job, ledger, store, fresh=self.fresh)
        workers, said = choose(self.workers, seconds)
        if said:
            self.listener.warn(f"process: {said}", logging.INFO)
        changed = campaign.find_changed_files(
            plan.catalogue, plan.job, self.options, progress=self.check_progress
        )
        if seconds and not workers.is_elsewhere:  # before workers are there, who would compile the same
            make_ready(plan.job, campaign.variants_of(plan.tasks, plan.job), self.listener.warn)
        with Metered(workers.open(self.listener.warn)) as backend:
            result = campaign.process(
                plan.catalogue,
                plan.job,
                backend,
                ledger,
                tasks=plan.tasks,
                chunk_events=self.chunk_events,
                store=store,
                options=self.options,
                changed=changed,
                fresh=self.fresh,
                progress=lambda _done, _total, events: self.listener.progress(events, n_events),
            )
        remove_abandoned(self.folder)
        if backend.costs:
            self.listener.warn(backend.note, logging.INFO)
            write_bytes(self.folder / METRICS, to_json(backend))
        return result


def write_products(
    catalogue: Catalogue,
    job: Job,
    result: CampaignResult,
    folder: Path,
    *,
    request: Request,
    scope: str,
    command: Sequence[str],
    report: bool,
    listener: Listener,
) -> Summary:
    """Summary of the products of what was counted, which are written and told of.

    Parameters
    ----------
    catalogue : Catalogue
    job : Job
    result : CampaignResult
    folder : Path
    request : Request
        Kept beside them.
    scope : str
        Runs in words.
    command : sequence of str
        Words after ``na64``.
    report : bool
        Draw it too.
    listener : Listener
    """
    booking, periods = book(job.selection), catalogue.known_periods()
    inputs = {record.sha256: record.name for record in catalogue.good}
    with collection_paused():
        summary = summarise(catalogue, job, result, booking, periods, scope=scope)
        store.write_numbers(
            folder,
            facts=summary,
            tallies=result.tallies,
            booking=booking,
            made_by=provenance(
                command=command,
                inputs=inputs,
                summary=summary,
                plugin=plugin_facts(job.plugin, result.plugin_texts),
            ),
            spills=known_spills(catalogue, job, periods, result),
            beside=request_file(request),
        )
    listener.say(messages.of_result(summary))
    if report:
        _draw_report(folder, listener)
    else:
        listener.tell(f"numbers: {folder}")
    return summary


def _draw_report(folder: Path, listener: Listener) -> None:
    """Write the report; the verdict that was told before, and the exit code, do not depend on it."""
    with listener.outliving("the report is not written"):
        # Here, because what draws may fail as soon as it is imported.
        from na64.outputs.analysis.full_report import complete_report  # noqa: PLC0415

        listener.tell(f"report: {complete_report(folder)}")
