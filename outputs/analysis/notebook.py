"""Events for a notebook: those that are not hidden, as arrays that hold nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from na64.datasets.basics.run_ranges import to_ranges
from na64.datasets.calibration.calibration_file import load_calibration
from na64.datasets.catalogue.build import Catalogue, SampleKind, build, load
from na64.datasets.catalogue.claims import physics_runs_claimed
from na64.datasets.conditions.conditions import RunType
from na64.datasets.instrument.columns import Array, Cells, DetectorColumns, EventColumns
from na64.datasets.reading.layout_differences import describe_layout, own_layouts, warning_of
from na64.datasets.reading.read import UNEQUAL, read
from na64.datasets.reading.schema import NA64Schema, place_of
from na64.outputs.result import audit_log
from na64.outputs.result.request import LOG
from na64.processors.features.single_cells import CellTable, cell_tables
from na64.processors.job import Job, build_job
from na64.processors.reread_events import read_visible_events
from na64.selections.selection import load_selection

_SELECTION = "dimuon_2023"
"""Any without variations: what is hidden does not depend on its cuts."""


def nanoevents(
    files: str | Path | Iterable[str | Path],
    *,
    simulation: bool = False,
    layout: str | Path | None = None,
    runs: Collection[int] | None = None,
    limit: int | None = None,
    calibration: str | Path | None = None,
) -> Any:
    """Events that may be looked at, as arrays: of data those that are not hidden, of simulation all.

    They have the columns of `na64.datasets.reading.schema.NA64Schema` (``events.ecal.energy``), in memory,
    and nothing of hidden events. Events that cannot be used (see *skipped* in the accounting) are left out.

    Parameters
    ----------
    files : str, Path or several
        A catalogue (``.json``), or run files as `na64 catalogue` takes them. Without a catalogue every run
        is taken for physics, whatever tables beside the files say.
    simulation : bool
        The files are simulated, and say so; of a catalogue it is known.
    layout : str or Path, optional
        Name or TOML file of the only layout allowed; of a catalogue it is known.
    runs : collection of int, optional
        Only these.
    limit : int, optional
        Events of each run that are read.
    calibration : str or Path, optional
        Constants of cells, as `na64 calibrate` wrote them; what is hidden without them stays hidden. In place
        of what the files hold, detectors then have their cells as features and plug-ins see them: ``energy``
        (GeV, calibrated, at any time, zero at or below the pedestal), ``in_time`` (GeV, the part of it inside
        the time window) and ``delay`` (ns, time less the expected one), each (n_events, n_cells).

    Returns
    -------
    NanoEvents
        ``NA64Events``, ordered by run and file.

    Raises
    ------
    KeyError, ValueError
        A file, run or layout that cannot be used; names it.
    na64.processors.reread_events.ReadError
        A file could not be read.

    Examples
    --------
    >>> events = na64.nanoevents("2023.json", runs=[8701], limit=100)
    >>> events.ecal.energy.ndim
    2
    """
    path = _catalogue_path(files)
    if path is not None:
        if simulation or layout is not None:
            raise ValueError(f"{path.name}: a catalogue knows what its files are")
        catalogue = load(path)
    else:
        listed = [files] if isinstance(files, str | Path) else list(files)
        catalogue = _register(listed, simulation=simulation, layout=layout)
    constants = None if calibration is None else load_calibration(calibration)
    job = build_job(catalogue, load_selection(_SELECTION), runs=runs, calibration=constants)
    if len(job.layouts) > 1:
        raise ValueError(f"files of layouts {' and '.join(job.layouts)}: expected those of one")
    if path is not None and catalogue.kind is SampleKind.DATA:
        audit_log.append(path.with_name(LOG), "nanoevents", _details(catalogue, job, limit))
    seen = read_visible_events(catalogue, job, limit=limit, cells=True)
    parts = [_array_of(batch.columns, batch.file.layout, batch.run, job) for batch in seen]
    parts = [part for part in parts if len(part)] or parts[:1] or [_nothing(catalogue, job)]
    return _joined(parts)


def opened_schema(*, reason: str, catalogue: str | Path) -> type[NA64Schema]:
    """Schema for coffea that shows hidden events too; the log beside the catalogue says so.

    Parameters
    ----------
    reason : str
        Why the box is looked into.
    catalogue : str or Path
        Of the files that are looked at.

    Raises
    ------
    ValueError
        No reason is given.

    Examples
    --------
    >>> schema = na64.opened_schema(reason="the analysis is published", catalogue="2023.json")
    """
    path = Path(catalogue)
    if not reason.strip():
        raise ValueError("hidden events are shown for a reason only")
    known = load(path)
    details = {"catalogue": known.identity, "runs": to_ranges(known.runs), "reason": reason}
    return NA64Schema.opened(log_line=audit_log.append(path.with_name(LOG), "opening_in_notebook", details))


def _catalogue_path(files: str | Path | Iterable[str | Path]) -> Path | None:
    is_one = isinstance(files, str | Path) and str(files).endswith(".json")
    return Path(str(files)) if is_one else None


def _register(files: list[str | Path], *, simulation: bool, layout: str | Path | None) -> Catalogue:
    catalogue = build(files, simulation=simulation, layout=layout)
    for record in catalogue.unreviewed:
        raise ValueError(f"{record.name}: {record.reason}")
    for name in catalogue.layouts:
        if not simulation and (text := warning_of(catalogue.layout(name), catalogue.closed)):
            raise ValueError(f"{text}: na64 catalogue --layout writes that in a log, and is needed for it")
    for run, record in physics_runs_claimed(catalogue, catalogue.known_periods()).items():
        raise ValueError(
            f"{record.name}: does not say what was simulated, and run {run} is a physics run: "
            "na64 catalogue --simulation --reason is needed for it"
        )
    if catalogue.kind is SampleKind.SIMULATION:
        return catalogue
    # A run that is not blind is named in a log, which there is beside a catalogue only.
    facts = {run: replace(known, type=RunType.UNKNOWN) for run, known in catalogue.run_facts.items()}
    return replace(catalogue, run_facts=facts)


def _details(catalogue: Catalogue, job: Job, limit: int | None) -> dict[str, object]:
    is_open = (RunType.CALIBRATION, RunType.BEAM)
    return {
        "catalogue": catalogue.identity,
        "runs": to_ranges(job.runs),
        "open_runs": to_ranges(run for run, context in job.runs.items() if context.type in is_open),
        "boxes": {context.period: job.hidden_region(run) for run, context in job.runs.items()},
        "limit": limit,
        "calibration": None if job.calibration is None else job.calibration.identity,
        "layouts": {name: describe_layout(layout) for name, layout in sorted(job.layouts.items())},
        "own_layouts": own_layouts(job.layouts.values(), catalogue.closed),
    }


def _nothing(catalogue: Catalogue, job: Job) -> Any:
    record = catalogue.good[0]
    columns = read(record, catalogue.layout(record.layout), 0, 0)
    return _array_of(columns, record.layout, next(iter(job.runs)), job)


def _joined(parts: list[Any]) -> Any:
    for part in parts:
        if part.fields != parts[0].fields or any(
            part[name].fields != parts[0][name].fields for name in part.fields
        ):
            raise ValueError("files have different columns: expected the same in all")
    joined = ak.concatenate(parts) if len(parts) > 1 else parts[0]
    return ak.Array(ak.to_packed(joined, highlevel=False), behavior=NA64Schema.behavior())


def _array_of(columns: EventColumns, layout: str, run: int, job: Job) -> Any:
    """Arrange columns, with the cells that the constants of a calibration make if the job has one."""
    if job.calibration is None:
        return _to_array(columns, {})
    known, setup = job.layouts[layout], job.runs[run].setup
    tables = cell_tables(columns, setup, residual_times=known.time_is_residual, absent_nan=known.absent_nan)
    return _to_array(columns, tables)


def _to_array(columns: EventColumns, tables: Mapping[str, CellTable]) -> Any:
    """Arrange columns as the schema does, or cells of tables; nothing but their values is in the array."""
    parts: dict[str, dict[str, Any]] = {name: {} for name in ("", *columns.detectors)}
    for name, values in columns.event.items():
        if name != UNEQUAL:  # such events are skipped
            part, column = place_of(name)
            parts.setdefault(part, {})[column] = ak.contents.NumpyArray(np.array(values))
    for name, detector in columns.detectors.items():
        table = tables.get(name)
        parts[name] |= (
            _of_detector(detector, columns.n_events) if table is None else _of_table(table, columns.n_events)
        )
    events = parts.pop("")
    events |= {name: _record(part, "NA64Group", columns.n_events) for name, part in parts.items() if part}
    return ak.Array(_record(events, "NA64Events", columns.n_events))


def _of_detector(detector: DetectorColumns, n_events: int) -> dict[str, Any]:
    names = ("cell", "energy", "time", "expected_time", "time_sigma", "x")
    found = {name: values for name in names if (values := getattr(detector, name, None)) is not None}
    if not isinstance(detector, Cells):
        return {name: _lists(values, detector.offsets) for name, values in found.items()}
    return {name: _rows(values, n_events) for name, values in found.items()}


def _of_table(table: CellTable, n_events: int) -> dict[str, Any]:
    return {name: _rows(getattr(table, name), n_events) for name in ("energy", "in_time", "delay")}


def _lists(values: Array, offsets: Array) -> Any:
    first, last = int(offsets[0]), int(offsets[-1])
    index = ak.index.Index64(np.array(offsets - first, np.int64))
    return ak.contents.ListOffsetArray(index, ak.contents.NumpyArray(np.array(values[first:last])))


def _rows(values: Array, n_events: int) -> Any:
    flat = ak.contents.NumpyArray(np.array(values).reshape(-1))
    return ak.contents.RegularArray(flat, values.shape[1], zeros_length=n_events)


def _record(contents: dict[str, Any], name: str, n_events: int) -> Any:
    return ak.contents.RecordArray(
        list(contents.values()), list(contents), length=n_events, parameters={"__record__": name}
    )
