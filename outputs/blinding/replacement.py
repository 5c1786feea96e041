"""A folder of a result that is asked to hold another one: refused, or emptied first."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from na64.datasets.basics.json_records import read_object
from na64.datasets.catalogue.build import Catalogue, SampleKind
from na64.outputs.blinding.freeze import FREEZE, REPLACED
from na64.outputs.blinding.opened_box import OPENED, UNBLINDED
from na64.outputs.result import audit_log
from na64.outputs.result.request import LOG, REQUEST, read_request
from na64.outputs.result.store import DRAWN, LABEL, PROVENANCE, RESULT
from na64.outputs.result.summary import Summary, from_json
from na64.processors.job import Job

OPENINGS = (UNBLINDED, "unblinded-*.json", OPENED, f"{OPENED}-*")
"""What openings have left."""

KEPT = (FREEZE, "freeze-*.json", *OPENINGS)
"""What cannot be made again."""

MADE = (
    *(RESULT, PROVENANCE, REQUEST, "metrics.json", "report.html", "plots"),
    *(DRAWN, LABEL),
    *("yields.*", "cutflow.*", "regions.csv", "spills.csv", "histograms.*", "variations*.csv"),
    *("background.csv", "background.json", "background"),
    *("limits.csv", "limits_y.csv", "limits.json", "limits", "projection.*"),
    *("dimuon.csv", "dimuon.json", "muon_peaks.csv", "dimuon", "efficiencies.csv"),
    *("beam.csv", "beam.json", "beam"),
    *("efficiency.csv", "efficiency_losses.csv", "efficiency_variations.csv", "efficiency.png"),
    *("events", "events.parquet", "events.root", "events.csv"),
    *("compare", "overlay", "overlay_hidden", "stability", "scan"),
)
"""What commands write into the folder of a result; counts by segment stay, which name what they are of."""


class OtherResultError(ValueError):
    """A folder holds the result of something else."""


def claim(folder: Path, catalogue: Catalogue, job: Job, *, path: Path, replace: bool) -> list[str]:
    """Make sure that a folder has no result of anything else before one is written into it.

    Parameters
    ----------
    folder : Path
    catalogue : Catalogue
    job : Job
    path : Path
        Of the catalogue; the log beside it is told of what is replaced.
    replace : bool
        Remove another result and all that was made of it. What cannot be made again, freeze and opened box,
        goes into the folder `REPLACED`.

    Returns
    -------
    list of str
        What is to be said of it.

    Raises
    ------
    OtherResultError
        There is one, and it is not to be replaced.
    """
    found = list(conflicts(folder, catalogue, job))
    if not found:
        return []
    if not replace:
        raise OtherResultError(f"{folder}: holds a result {found[0]}: take another folder, or --replace it")
    digest = sha256((folder / RESULT).read_bytes()).hexdigest()
    kept = folder / REPLACED / digest[:12]
    facts = {"result": digest, "why": found, **_commitment(folder)}
    for log in _logs(folder, catalogue, path):
        audit_log.append(log, "replace", facts)
    _keep(folder, kept)
    n_files = _remove(folder)
    said = [f"replaced: {n_files} files of the result {digest[:12]}"]
    return [*said, f"kept: {kept}"] if kept.exists() else said


def conflicts(folder: Path, catalogue: Catalogue, job: Job) -> Iterator[str]:
    """What the result in a folder is of that is not asked for now; nothing if there is none."""
    if not (folder / RESULT).exists():
        return
    try:
        summary = from_json((folder / RESULT).read_bytes(), edited_too=True)
    except ValueError:
        return  # nothing that could be compared: it is written anew
    if summary.is_data is not (catalogue.kind is SampleKind.DATA):
        yield "of data, not of simulation" if summary.is_data else "of simulation, not of data"
    if summary.identities.get("selection") != job.selection.identity:
        yield f"of another selection ({_selection(summary)}, not {job.selection.name} as it is now)"
    plugins = (job.plugin.identity, job.plugin.sha256) if job.plugin else ("none",)
    if summary.identities.get("plug-in", "none") not in plugins:  # the text, before version 0.2
        yield "of another plug-in"
    calibration = None if job.calibration is None else job.calibration.identity
    if summary.identities.get("calibration") != calibration:
        yield "with another calibration of the cells"
    if lost := _not_catalogued(folder, catalogue):
        yield f"of another catalogue: {lost} is not in this one"


def _selection(summary: Summary) -> str:
    return f"{summary.selection.name}, cuts {summary.selection.cuts_identity}"


def _not_catalogued(folder: Path, catalogue: Catalogue) -> str:
    """Name a file that the result was made of and that the catalogue has neither by content nor by name."""
    try:
        inputs = read_object(folder / PROVENANCE).get("inputs", {})
        made_of = {str(digest): str(name) for digest, name in inputs.items()}
    except (AttributeError, OSError, ValueError):
        return ""
    known = {record.sha256 for record in catalogue.files} | {record.name for record in catalogue.files}
    return min((name for digest, name in made_of.items() if not {digest, name} & known), default="")


def _commitment(folder: Path) -> dict[str, str]:
    """Name the freeze and the opened box that are replaced."""
    found = {}
    for key, name in (("freeze", FREEZE), ("unblinded", UNBLINDED)):
        if (folder / name).exists():
            found[key] = sha256((folder / name).read_bytes()).hexdigest()
    return found


def _logs(folder: Path, catalogue: Catalogue, path: Path) -> set[Path]:
    """Find the logs that have to know: that of the old result if it is of data, and that of the new one."""
    logs = {path.resolve().with_name(LOG)} if catalogue.kind is SampleKind.DATA else set()
    summary = from_json((folder / RESULT).read_bytes(), edited_too=True)
    if summary.is_data and (folder / REQUEST).exists():
        logs.add(read_request(folder).log(folder).resolve())
    return logs


def _keep(folder: Path, kept: Path) -> None:
    for pattern in KEPT:
        for path in sorted(folder.glob(pattern)):
            kept.mkdir(parents=True, exist_ok=True)
            path.rename(kept / path.name)


def _remove(folder: Path) -> int:
    """Remove what was made, the result itself last: what is cut short can be done again."""
    n_files = 0
    for pattern in (*MADE[1:], RESULT):
        for path in sorted(folder.glob(pattern)):
            n_files += sum(one.is_file() for one in path.rglob("*")) if path.is_dir() else 1
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    return n_files
