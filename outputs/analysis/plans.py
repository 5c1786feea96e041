"""What a job is to count: files, selection, runs and what is read of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from na64.datasets.basics.run_ranges import to_ranges
from na64.datasets.basics.turns import turn
from na64.datasets.calibration.calibration_file import load_calibration, path_of
from na64.datasets.catalogue.build import Catalogue, SampleKind, load
from na64.datasets.catalogue.run_filter import chosen_runs
from na64.datasets.conditions.period_folder import check_environment
from na64.datasets.conditions.periods import features_here_and_elsewhere
from na64.outputs.blinding.replacement import claim
from na64.outputs.result.audit_log import append, details_of
from na64.outputs.result.hidden_regions import lines_of_pass
from na64.outputs.result.messages import counted
from na64.outputs.result.product_names import PRODUCTS
from na64.outputs.result.request import LOG, Request, selection_of
from na64.processors.execution.tasks import Task
from na64.processors.features.plugin import Plugin, load_plugin
from na64.processors.job import Job, build_job
from na64.processors.segments import identity_of, plan


@dataclass(frozen=True, slots=True)
class Plan:
    """What a job is to count.

    Attributes
    ----------
    request : Request
        What was asked for, with paths as they were given.
    asked_runs : str
        As ``8396-8458,8500``; empty for all.
    catalogue : Catalogue
    job : Job
    tasks : list of Task
    """

    request: Request
    asked_runs: str
    catalogue: Catalogue
    job: Job
    tasks: list[Task]

    @property
    def path(self) -> Path:
        """Path of the catalogue."""
        return Path(self.request.catalogue)

    @property
    def identity(self) -> str:
        """Name of the result by what it will be made of."""
        return identity_of(self.tasks)

    @property
    def scope(self) -> str:
        """Runs in words."""
        return f"runs {self.asked_runs}" if self.asked_runs else "all runs"

    @property
    def command(self) -> list[str]:
        """Words of the command that counts the same."""
        asked = self.request
        words = ["process", asked.catalogue, "--selection", asked.selection]
        words += [word for setting in asked.settings for word in ("--set", setting)]
        options = {"--runs": self.asked_runs, "--limit": asked.limit, "--plugin": asked.plugin}
        options |= {"--calibration": asked.calibration}
        return words + [str(word) for name, value in options.items() if value for word in (name, value)]


def load_plan(
    catalogue: str | Path,
    selection: str | Path,
    *,
    runs: str | Collection[int] | None = None,
    limit: int | None = None,
    plugin: str | Path | None = None,
    settings: Sequence[str] = (),
    calibration: str | Path | None = None,
) -> Plan:
    """Plan of a job, from files as `na64.process` takes them.

    Raises
    ------
    KeyError, ValueError, FileNotFoundError
        A file, selection, run, plug-in or calibration that cannot be used; names it.
    """
    path = Path(catalogue)
    loaded = load(path)
    check_environment(loaded.periods, path)
    if not loaded.good:
        raise ValueError(f"{path}: has no file that can be read; na64 catalogue says why")
    if not loaded.runs:
        raise ValueError(f"{path}: {counted(len(loaded.good), 'file')} without any events")
    code = load_plugin(Path(plugin)) if plugin else None
    if code:
        _rehearse(code, loaded)
    try:
        chosen = selection_of(loaded, selection, code, settings)
    except KeyError as error:
        raise KeyError(f"{error.args[0]}{_where_columns_are(error)}") from error
    text = runs_asked(runs)
    wanted = chosen_runs(text, loaded.runs) if text else None
    constants = load_calibration(calibration) if calibration else None
    job = build_job(loaded, chosen, runs=wanted, plugin=code, calibration=constants)
    request = Request(
        catalogue=str(path),
        selection=str(selection),
        plugin=str(Path(plugin)) if plugin else None,
        runs=None if wanted is None else tuple(wanted),
        limit=limit,
        settings=tuple(settings),
        calibration=str(path_of(calibration)) if calibration else None,
    )
    return Plan(request, text, loaded, job, plan(loaded, job, limit=limit))


def _rehearse(plugin: Plugin, catalogue: Catalogue) -> None:
    """Try a plug-in on events of nobody, with the energy of each beam of the runs, GeV."""
    known = catalogue.known_periods()
    here, _ = features_here_and_elsewhere(known, catalogue.runs)
    energies = {one.beam_energy for one in known.values() if any(map(one.has_run, catalogue.runs))}
    for energy in sorted(energies):
        plugin.rehearse(here, energy)


def _where_columns_are(error: KeyError) -> str:
    """How a name that is not known, and may be a branch of the files, is made known."""
    if any(f"unknown {noun} " in str(error.args[0]) for noun in ("feature", "name")):
        return "; a branch of your files is known by its line in a layout: na64 catalogue --layout, layout.md"
    return ""


def runs_asked(runs: str | Collection[int] | None) -> str:
    """Runs as ``8396-8458,8500``; empty for all.

    Raises
    ------
    ValueError
        None of them are asked for, which is not to be taken for all.
    """
    if runs is None:
        return ""
    if not runs:
        raise ValueError("no runs are asked for: None stands for all")
    return runs if isinstance(runs, str) else to_ranges(runs)


def what_is_hidden(request: Request, folder: Path) -> Iterator[str]:
    """Lines that tell what a pass over data hides, as the log has it; none for simulation."""
    if request.audit:
        yield from lines_of_pass(details_of(request.log(folder), request.audit))


def claim_folder(folder: Path, plan: Plan, *, replace: bool) -> list[str]:
    """Lines about a result of something else that was removed; it is refused without `replace`."""
    with turn(folder, PRODUCTS, "na64 process"):
        return claim(folder, plan.catalogue, plan.job, path=plan.path, replace=replace)


def log_sample(plan: Plan) -> None:
    """Log that a part of data is read to tell what the rest would take."""
    if plan.catalogue.kind is SampleKind.DATA:
        details = {
            "selection": plan.job.selection.name,
            "catalogue": plan.catalogue.identity,
            "runs": to_ranges(plan.job.runs),
        }
        append(plan.path.with_name(LOG), "estimate", details)


def store_of(store: str | Path | None, catalogue: Path, *, make: bool = True) -> Path:
    """Folder of the feature store; made if it was named."""
    if store is not None and make:
        Path(store).mkdir(parents=True, exist_ok=True)
    return (Path(store) if store is not None else catalogue.parent / "features").resolve()
