"""What a result was made of, as `job.json` keeps it beside the result, to set the job up again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from na64.datasets.basics.identity import bytes_digest, identity
from na64.datasets.basics.json_records import read_object, record_of, to_json
from na64.datasets.basics.run_ranges import to_ranges
from na64.datasets.calibration.calibration_file import load_calibration
from na64.datasets.catalogue.build import Catalogue, SampleKind, load
from na64.datasets.conditions.periods import features_here_and_elsewhere
from na64.datasets.reading.layout_differences import describe_layout, own_layouts
from na64.outputs.result import audit_log
from na64.outputs.result.hidden_regions import hides_less, log_details
from na64.outputs.result.store import RESULT
from na64.outputs.result.summary import from_json
from na64.processors.features.plugin import Plugin, load_plugin
from na64.processors.job import Job, build_job
from na64.selections.selection import SELECTIONS, Selection, load_selection

REQUEST = "job.json"
LOG = "audit.jsonl"
"""Name of the log; it lies beside the catalogue."""

_LONGEST_PATH = 4096


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked of `na64 process`; paths are relative to the folder of the result, once it has one.

    Attributes
    ----------
    catalogue : str
    selection : str
        Name of a packaged selection, or a path.
    plugin : str or None
    runs : tuple of int or None
        None: all of the catalogue.
    limit : int or None
        Events a run.
    audit : str
        Hash of the line in the log that says so; empty for simulation.
    settings : tuple of str
        Values that replace those of the selection.
    calibration : str or None
        File of the constants of cells.
    """

    catalogue: str
    selection: str
    plugin: str | None = None
    runs: tuple[int, ...] | None = None
    limit: int | None = None
    audit: str = ""
    settings: tuple[str, ...] = ()
    calibration: str | None = None

    def __post_init__(self) -> None:
        for name in ("catalogue", "selection", "plugin", "calibration"):
            if len(getattr(self, name) or "") > _LONGEST_PATH:
                raise ValueError(f"{name}: longer than any path")

    def log(self, folder: Path) -> Path:
        """Log beside the catalogue."""
        return _absolute(self.catalogue, folder).with_name(LOG)


def begin(folder: Path, asked: Request, job: Job, catalogue: Catalogue) -> Request:
    """Request with paths relative to the folder of its result; that the job begins is logged.

    Parameters
    ----------
    folder : Path
    asked : Request
        With paths as they were given.
    job : Job
    catalogue : Catalogue
    """
    return replace(
        asked,
        catalogue=_relative(asked.catalogue, folder),
        selection=asked.selection if asked.selection in SELECTIONS else _relative(asked.selection, folder),
        plugin=None if asked.plugin is None else _relative(asked.plugin, folder),
        audit=_log(Path(asked.catalogue).with_name(LOG), catalogue, job, limit=asked.limit),
        calibration=None if asked.calibration is None else _relative(asked.calibration, folder),
    )


def _relative(path: str, folder: Path) -> str:
    """Write a path as the system will follow it: the folder above a linked one is not where the link is."""
    place = Path(path)
    return os.path.relpath(place.parent.resolve() / place.name, folder.resolve())


def _absolute(path: str, folder: Path) -> Path:
    return Path(os.path.normpath(folder.resolve() / path))


def _present(what: str, path: str, folder: Path) -> Path:
    found = _absolute(path, folder)
    if not found.is_file():
        raise FileNotFoundError(f'{folder.name}/{REQUEST}: {what} "{path}" is not there')
    return found


def request_file(request: Request) -> dict[str, bytes]:
    """`REQUEST` by its name, to be written with the result."""
    return {REQUEST: to_json(asdict(request))}


def read_request(folder: Path) -> Request:
    """Read `REQUEST`.

    Raises
    ------
    FileNotFoundError
        The folder holds no result of `na64 process`.
    ValueError
        The file holds something else.
    """
    return record_of(Request, read_object(folder / REQUEST), REQUEST)


def log_use(folder: Path, event: str, details: Mapping[str, object]) -> None:
    """Line of the log about a result in a folder; one that is not of `na64 process` has no log."""
    if (folder / REQUEST).exists():
        result = (folder / RESULT).read_bytes()
        cuts = from_json(result).selection
        named = {"selection": cuts.name, "cuts": cuts.cuts_identity, "result": bytes_digest(result)}
        audit_log.append(read_request(folder).log(folder), event, {**named, **details})


def set_up(folder: Path, request: Request) -> tuple[Catalogue, Job]:
    """Set the job up again from catalogue, selection and plug-in as they are now.

    Raises
    ------
    FileNotFoundError
        One of them is no longer where `REQUEST` says.
    """
    catalogue = load(_present("catalogue", request.catalogue, folder))
    plugin = None if request.plugin is None else load_plugin(_present("plugin", request.plugin, folder))
    selection = selection_of(catalogue, selection_source(folder, request), plugin, request.settings)
    file = calibration_source(folder, request)
    constants = None if file is None else load_calibration(file)
    job = build_job(catalogue, selection, runs=request.runs, plugin=plugin, calibration=constants)
    return catalogue, job


def selection_of(
    catalogue: Catalogue, source: str | Path, plugin: Plugin | None, settings: Sequence[str]
) -> Selection:
    """Selection, from its name or file, with the features that the runs of a catalogue and a plug-in have."""
    here, elsewhere = features_here_and_elsewhere(catalogue.known_periods(), catalogue.runs)
    return load_selection(
        source,
        extra_features=plugin.features if plugin else None,
        period_features=here,
        other_features=elsewhere,
        settings=settings,
    )


def catalogue_path(folder: Path, request: Request) -> Path:
    """Where the catalogue of a request lies."""
    return _absolute(request.catalogue, folder)


def selection_source(folder: Path, request: Request) -> str | Path:
    """Name of the packaged selection that was asked for, or where its file is.

    Raises
    ------
    FileNotFoundError
        It is no longer where `REQUEST` says.
    """
    if request.selection in SELECTIONS:
        return request.selection
    return _present("selection", request.selection, folder)


def calibration_source(folder: Path, request: Request) -> Path | None:
    """File of the constants of cells that were asked for; None if there are none.

    Raises
    ------
    FileNotFoundError
        It is no longer where `REQUEST` says.
    """
    asked = request.calibration
    return None if asked is None else _present("calibration", asked, folder)


def _log(log: Path, catalogue: Catalogue, job: Job, *, limit: int | None) -> str:
    """Log that data are about to be processed blind; give the line's hash, empty for simulation."""
    if catalogue.kind is not SampleKind.DATA:
        return ""
    setups = {context.period: context.setup for context in job.runs.values()}
    details: dict[str, Any] = {
        "selection": job.selection.name,
        "selection_identity": job.selection.identity,
        "settings": list(job.selection.settings),
        "catalogue": catalogue.identity,
        "runs": to_ranges(job.runs),
        "periods": None if catalogue.periods is None else catalogue.periods.identity,
        "setups": {period: identity(setup) for period, setup in setups.items()},
        "layouts": {name: describe_layout(layout) for name, layout in sorted(job.layouts.items())},
        "bad_list": identity(job.bad),
        "limit": limit,
        "plugin": job.plugin.sha256 if job.plugin else None,
        "calibration": None if job.calibration is None else job.calibration.identity,
        "own_layouts": own_layouts(job.layouts.values(), catalogue.closed),
        **log_details(job, catalogue),
    }
    details["hides_less"] = hides_less(details, _passes(log))
    return audit_log.append(log, "process", details)


def finish(folder: Path, request: Request) -> None:
    """Log what came of a pass over data: the verdict, and by type of run how many events were open."""
    if not request.audit:
        return
    summary = from_json((folder / RESULT).read_bytes())
    opened: dict[str, int] = {}
    for run in summary.runs:
        opened[run.type] = opened.get(run.type, 0) + run.accounting["open"]
    counts = {"hidden": summary.totals["hidden"], "open_events": opened}
    details = {"process": request.audit, "verdict": summary.verdict.value, **counts}
    audit_log.append(request.log(folder), "processed", details)


def _passes(log: Path) -> Iterator[Mapping[str, Any]]:
    """Yield what the log says of every earlier pass; nothing of an altered log, which takes no more lines."""
    if not audit_log.verify(log):
        for line in audit_log.entries(log):
            if line["event"] == "process" and isinstance(line["details"], Mapping):
                yield line["details"]
