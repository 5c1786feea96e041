"""A folder of a result that is asked to hold another one: refused, or emptied first."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from na64.datasets.basics.identity import bytes_digest
from na64.datasets.basics.json_records import read_object
from na64.datasets.catalogue.build import Catalogue, SampleKind
from na64.outputs.blinding.freeze import FREEZE, REPLACED
from na64.outputs.blinding.names import OPENED, UNBLINDED
from na64.outputs.result import audit_log
from na64.outputs.result.request import LOG, REQUEST, read_request
from na64.outputs.result.store import DRAWN, LABEL, PROVENANCE, RESULT
from na64.outputs.result.summary import from_json
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
    *("efficiency.*", "efficiency_*.csv", "efficiency_*.png", "contour.*", "contour_*"),
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
    digest = bytes_digest((folder / RESULT).read_bytes())
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
        made_of = _made_of(folder)
        lost = _not_catalogued(folder, catalogue)
    except FileNotFoundError as error:
        yield f"that cannot be said to be the one asked for ({Path(error.filename).name} is gone)"
        return
    except ValueError as error:
        yield f"that cannot be said to be the one asked for ({error})"
        return
    if made_of.is_data is not (catalogue.kind is SampleKind.DATA):
        yield "of data, not of simulation" if made_of.is_data else "of simulation, not of data"
    if made_of.selection != job.selection.identity:
        yield f"of another selection ({made_of.name}, not {job.selection.name} as it is now)"
    plugins = (job.plugin.identity, job.plugin.sha256) if job.plugin else ("none",)
    if made_of.plugin not in plugins:  # the text, before version 0.2
        yield "of another plug-in"
    if made_of.calibration != ("" if job.calibration is None else job.calibration.identity):
        yield "with another calibration of the cells"
    if lost:
        yield f"of another catalogue: {lost} is not in this one"


@dataclass(frozen=True, slots=True)
class _MadeOf:
    """What a result was made of: identities of selection, plug-in and calibration, empty for none."""

    name: str
    is_data: bool
    selection: str
    plugin: str
    calibration: str


def _made_of(folder: Path) -> _MadeOf:
    """What the result in a folder was made of, as it says itself or, if it was edited, what lies beside it.

    Raises
    ------
    FileNotFoundError
    ValueError
        Neither can be read; names the file.
    """
    try:
        summary = from_json((folder / RESULT).read_bytes())
    except ValueError:
        return _made_of_beside(folder)
    known, cuts = summary.identities, summary.selection
    return _MadeOf(
        name=f"{cuts.name}, cuts {cuts.cuts_identity}",
        is_data=summary.is_data,
        selection=known.get("selection", ""),
        plugin=known.get("plug-in", "none"),
        calibration=known.get("calibration", ""),
    )


def _made_of_beside(folder: Path) -> _MadeOf:
    """Same as `PROVENANCE` and `REQUEST` have it; only the request of data names a line of the log."""
    plain = read_object(folder / PROVENANCE)
    try:
        selection, plugin = plain["selection"], plain["plugin"] or {"identity": "none"}
        return _MadeOf(
            name=str(selection["name"]),
            is_data=bool(read_request(folder).audit),
            selection=str(selection["identity"]),
            plugin=str(plugin["identity"]),
            calibration=str(plain["calibration"]),
        )
    except (KeyError, TypeError):
        raise ValueError(f"{RESULT} was damaged, and {PROVENANCE} names no selection") from None


def _not_catalogued(folder: Path, catalogue: Catalogue) -> str:
    """Name a file that the result was made of and that the catalogue has neither by content nor by name."""
    inputs = read_object(folder / PROVENANCE).get("inputs", {})
    if not isinstance(inputs, dict):
        raise ValueError(f"{PROVENANCE}: inputs: expected file names by sha256")
    made_of = {str(digest): str(name) for digest, name in inputs.items()}
    known = {record.sha256 for record in catalogue.files} | {record.name for record in catalogue.files}
    return min((name for digest, name in made_of.items() if not {digest, name} & known), default="")


def _commitment(folder: Path) -> dict[str, str]:
    """Name the freeze and the opened box that are replaced."""
    found = {}
    for key, name in (("freeze", FREEZE), ("unblinded", UNBLINDED)):
        if (folder / name).exists():
            found[key] = bytes_digest((folder / name).read_bytes())
    return found


def _logs(folder: Path, catalogue: Catalogue, path: Path) -> set[Path]:
    """Find the logs that have to know: that of the old result if it is of data, and that of the new one."""
    logs = {path.resolve().with_name(LOG)} if catalogue.kind is SampleKind.DATA else set()
    try:
        request = read_request(folder)
    except (FileNotFoundError, ValueError):
        return logs  # damaged as well: which log it had is not known
    return logs | {request.log(folder).resolve()} if request.audit else logs


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
