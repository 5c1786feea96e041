"""What a job is to count: files, selection, runs and what is read of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from na64.datasets.basics.run_ranges import to_ranges
from na64.datasets.basics.turns import turn
from na64.datasets.calibration.calibration_file import load_calibration, path_of
from na64.datasets.catalogue.build import Catalogue, SampleKind, load
from na64.datasets.catalogue.run_filter import chosen_runs
from na64.datasets.conditions.period_folder import check_environment
from na64.datasets.conditions.periods import Period, features_here_and_elsewhere
from na64.outputs.blinding.replacement import claim
from na64.outputs.result.audit_log import append, details_of
from na64.outputs.result.hidden_regions import lines_of_pass
from na64.outputs.result.messages import counted
from na64.outputs.result.product_names import PRODUCTS
from na64.outputs.result.request import LOG, Request, begin
from na64.processors.campaign import identity_of, plan
from na64.processors.execution.tasks import Task
from na64.processors.features.plugin import load_plugin
from na64.processors.job import Job, build_job
from na64.selections.selection import load_selection


@dataclass(frozen=True, slots=True)
class Plan:
    """What a job is to count.

    Attributes
    ----------
    path : Path
        Of the catalogue.
    selection : str
        As it was given: a name or a path.
    catalogue : Catalogue
    job : Job
    tasks : list of Task
    asked_runs : str
        As ``8396-8458,8500``; empty for all.
    runs : list of int or None
        None: all.
    plugin : Path or None
    limit : int or None
        Events a run.
    settings : tuple of str
        Values that replace those of the selection.
    calibration : Path or None
        File of the constants of cells.
    """

    path: Path
    selection: str
    catalogue: Catalogue
    job: Job
    tasks: list[Task]
    asked_runs: str
    runs: list[int] | None
    plugin: Path | None
    limit: int | None
    settings: tuple[str, ...] = ()
    calibration: Path | None = None

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
        words = ["process", str(self.path), "--selection", self.selection]
        options = {"--runs": self.asked_runs, "--limit": self.limit, "--plugin": self.plugin}
        options |= {"--calibration": self.calibration}
        words += [word for setting in self.settings for word in ("--set", setting)]
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
    known = loaded.known_periods()
    here, elsewhere = features_here_and_elsewhere(known, loaded.runs)
    code = load_plugin(Path(plugin)) if plugin else None
    if code:
        for energy in _beam_energies(loaded, known):
            code.rehearse(here, energy)
    try:
        chosen = load_selection(
            selection,
            extra_features=code.features if code else None,
            period_features=here,
            other_features=elsewhere,
            settings=tuple(settings),
        )
    except KeyError as error:
        raise KeyError(f"{error.args[0]}{_where_columns_are(error)}") from error
    text = _text_of(runs)
    wanted = chosen_runs(text, loaded.runs) if text else None
    constants = load_calibration(calibration) if calibration else None
    job = build_job(loaded, chosen, runs=wanted, plugin=code, calibration=constants)
    tasks = plan(loaded, job, limit=limit)
    code_path = Path(plugin) if plugin else None
    return Plan(
        path,
        str(selection),
        loaded,
        job,
        tasks,
        text,
        wanted,
        code_path,
        limit,
        tuple(settings),
        path_of(calibration) if calibration else None,
    )


def _where_columns_are(error: KeyError) -> str:
    """How a name that is not known, and may be a branch of the files, is made known."""
    if any(f"unknown {noun} " in str(error.args[0]) for noun in ("feature", "name")):
        return "; a branch of your files is known by its line in a layout: na64 catalogue --layout, layout.md"
    return ""


def _beam_energies(catalogue: Catalogue, known: Mapping[str, Period]) -> list[float]:
    """Energies of the beams of its runs, GeV."""
    return sorted({one.beam_energy for one in known.values() if any(map(one.has_run, catalogue.runs))})


def _text_of(runs: str | Collection[int] | None) -> str:
    if runs is None or isinstance(runs, str):
        return runs or ""
    if not runs:
        raise ValueError("no runs are asked for: None stands for all")
    return to_ranges(runs)


def begin_job(plan: Plan, folder: Path) -> Request:
    """Request as `job.json` will keep it; that the job begins is logged."""
    return begin(
        folder,
        plan.job,
        plan.catalogue,
        path=plan.path,
        selection=plan.selection,
        plugin=plan.plugin,
        runs=plan.runs,
        limit=plan.limit,
        settings=plan.settings,
        calibration=plan.calibration,
    )


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
