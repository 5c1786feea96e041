"""Opening the box: only what was frozen, only by two people, once, and never without a trace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from na64.datasets.basics.atomic_file import write_bytes
from na64.datasets.basics.identity import bytes_digest, file_digest
from na64.datasets.basics.json_records import to_json
from na64.datasets.catalogue.build import Catalogue, FileRecord
from na64.datasets.catalogue.rechecking import check_content, digest_of, verify
from na64.datasets.reading.files import is_url
from na64.outputs.blinding.evidence import evidence_of
from na64.outputs.blinding.examination import unknown_records
from na64.outputs.blinding.freeze import (
    FREEZE,
    RefusedError,
    boxes_by_search,
    changed_files,
    current,
    differences,
    opened_freezes,
    openings,
    read_manifest,
)
from na64.outputs.blinding.names import OPENED, UNBLINDED
from na64.outputs.blinding.opened_tables import CANDIDATES, PLANE_TABLE, candidate_table, plane_table
from na64.outputs.result import audit_log
from na64.outputs.result.request import Request, read_request, set_up
from na64.outputs.result.summary import Blinding
from na64.processors.execution.backend import Backend
from na64.processors.job import Job
from na64.processors.unblinded_counts import Opened, Opening, open_box
from na64.selections.signal_box import Unblinding

SCHEMA = 2
"""Version of `unblinded.json`."""


@dataclass(frozen=True, slots=True)
class UnblindingRequest:
    """What somebody asks for.

    Attributes
    ----------
    freeze : str
        sha256 of the manifest.
    reason : str
    approved_by : tuple of str
    fraction : float
        Of the spills.
    """

    freeze: str
    reason: str
    approved_by: tuple[str, ...]
    fraction: float = 1.0


def unblind(folder: Path, demand: UnblindingRequest, backend: Backend) -> tuple[Opened, dict[str, Any]]:
    """Open the box of a frozen result; write what was in it to `UNBLINDED` and `OPENED`, and log it.

    Of several people who ask at the same time one opens: whether the box is closed is asked once more, and
    the opening is logged, while nobody else can add to the log.

    Returns
    -------
    opened : Opened
    evidence : dict
        `na64.outputs.blinding.evidence.evidence_of`.

    Raises
    ------
    RefusedError
        Something is not as it was frozen, or a rule stands against it; the refusal is in the log.
    """
    request = read_request(folder)
    log = request.log(folder)
    try:
        permitted = _permit(folder, request, demand)
        line = audit_log.append(
            log,
            "opening",
            permitted.details,
            check=lambda: _check_log(log, folder, request, permitted.manifest, demand),
        )
    except (RefusedError, ValueError, KeyError, OSError) as problem:
        reason = str(problem.args[0]) if isinstance(problem, KeyError) else str(problem)
        _log_refusal(log, demand, reason)
        raise RefusedError(reason) from problem
    _keep_manifest(folder, permitted.manifest)
    job = permitted.job
    before = frozenset(permitted.manifest["frozen"]["opened_before"])
    opened = open_box(permitted.catalogue, Opening(job, permitted.unblinding, before), backend)
    _keep_earlier(folder)
    written = _write_tables(folder / OPENED, opened, job)
    evidence = evidence_of(opened, job, permitted.manifest, demand.fraction, len(set(opened_freezes(log))))
    record = permitted.details | {"time": datetime.now(UTC).isoformat(timespec="seconds"), "audit": line}
    result = permitted.manifest["frozen"]["blind_result"]
    data = to_json(_record(opened, job, record) | {"evidence": evidence, "files": written, "result": result})
    write_bytes(folder / UNBLINDED, data)
    found = {
        "search": job.selection.search,
        "in_box": opened.total[0],
        "candidates": opened.total[-1],
        "p_value": evidence["p_value"],
    }
    named = {f"{OPENED}/{name}": digest for name, digest in written.items()}
    audit_log.append(
        log,
        "opened",
        {
            "freeze": demand.freeze,
            "search": job.selection.search,
            "unblinded": bytes_digest(data),
            "files": named,
            **found,
        },
    )
    return opened, evidence


@dataclass(frozen=True, slots=True)
class _Permitted:
    """What may be opened, and under what."""

    unblinding: Unblinding
    catalogue: Catalogue
    job: Job
    manifest: dict[str, Any]
    details: dict[str, Any]


def _permit(folder: Path, request: Request, demand: UnblindingRequest) -> _Permitted:
    log = request.log(folder)
    if problems := audit_log.altered(log):
        raise RefusedError(f"{log.name}: {problems[0]}")
    manifest = read_manifest(folder, demand.freeze)
    _check_log(log, folder, request, manifest, demand)
    unblinding = Unblinding(
        demand.freeze, demand.reason, demand.approved_by, manifest["stage_key"], demand.fraction
    )
    changed = sorted(differences(manifest["frozen"], current(folder, request)), key=_is_consequence)
    changed += [f"the estimate was made of {one}" for one in changed_files(folder, manifest["estimate"])]
    if changed:
        raise RefusedError("; ".join(changed))
    catalogue, job = set_up(folder, request)
    for record in catalogue.good:
        _check_content(record)
    details = {
        "freeze": demand.freeze,
        "reason": demand.reason,
        "approved_by": list(demand.approved_by),
        "fraction": demand.fraction,
        "catalogue": catalogue.identity,
        "search": job.selection.search,
        "boxes": boxes_by_search(job)[job.selection.search],
    }
    return _Permitted(unblinding, catalogue, job, manifest, details)


def _is_consequence(difference: str) -> bool:
    """Whether what differs is the result, of which hashes are named: what made it differ is said first."""
    return difference.startswith("blind_result.")


def _check_content(record: FileRecord) -> None:
    """Refuse a file that is not the one that was frozen; one on a server without a version is read."""
    verify(record)
    is_remote = is_url(record.path)
    if is_remote and record.version:
        check_content(record)
        return
    found = digest_of(record.path) if is_remote else file_digest(Path(record.path))
    if found.sha256 != record.sha256:
        raise RefusedError(f"{record.name} has another content than it was registered with")


def _check_log(
    log: Path, folder: Path, request: Request, manifest: dict[str, Any], demand: UnblindingRequest
) -> None:
    lines = audit_log.entries(log)
    if unknown := next(unknown_records(folder, log), ""):
        raise RefusedError(f"{log.name}: {unknown}")
    if lost := audit_log.lost(log, [request.audit, manifest["audit"]]):
        raise RefusedError(f"{log.name}: {lost[0]}")
    frozen = [line["details"] for line in lines if line["event"] == "freeze"]
    if not any(isinstance(details, dict) and details["freeze"] == demand.freeze for details in frozen):
        raise RefusedError(f"{log.name} does not know the freeze {demand.freeze}")
    before = openings(log)
    if not before:
        return
    last = before[-1]
    if last["freeze"] == demand.freeze:
        if not last["fraction"] < demand.fraction:
            raise RefusedError(
                f"{last['fraction']:.0%} of the box was opened already; a further stage opens more, anything "
                "else needs a new freeze that names this one"
            )
    elif manifest["declared"]["after"] != last["freeze"]:
        raise RefusedError(
            f"the box was opened before under the freeze {last['freeze']}, which this one does not name"
        )


def _keep_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Put the manifest back that an opening is made under, if its result was replaced and made again."""
    data = to_json(manifest)
    if not (folder / FREEZE).exists():
        write_bytes(folder / FREEZE, data)


def _keep_earlier(folder: Path) -> None:
    """What an earlier opening wrote a name of its own: it is never overwritten."""
    path = folder / UNBLINDED
    if path.exists():
        name = bytes_digest(path.read_bytes())[:12]
        path.rename(path.with_name(f"unblinded-{name}.json"))
        if (folder / OPENED).exists():
            (folder / OPENED).rename(folder / f"{OPENED}-{name}")


def _write_tables(folder: Path, opened: Opened, job: Job) -> dict[str, str]:
    """Write candidates and plane; give the sha256 of each file."""
    contents = {
        CANDIDATES: candidate_table(opened, job.selection).to_csv(),
        PLANE_TABLE: plane_table(opened, job.selection).to_csv(),
    }
    for name, data in contents.items():
        write_bytes(folder / name, data)
    return {name: bytes_digest(data) for name, data in contents.items()}


def _log_refusal(log: Path, demand: UnblindingRequest, reason: str) -> None:
    if audit_log.altered(log):
        return  # Nothing can be added to an altered log.
    details = {"freeze": demand.freeze, "approved_by": list(demand.approved_by), "reason": reason}
    audit_log.append(log, "refusal", details)


def _record(opened: Opened, job: Job, record: dict[str, Any]) -> dict[str, object]:
    names = ("box", *job.selection.cut_names)
    return {
        "schema": SCHEMA,
        "blinding": Blinding.UNBLINDED.value,
        "verdict": "INCOMPLETE" if opened.failures else "COMPLETE",
        "failures": list(opened.failures),
        "record": record,
        "cutflow": [
            {"cut": name, "passed": passed} for name, passed in zip(names, opened.total, strict=True)
        ],
        "runs": {
            str(run): {"box": counts[0], "selected": counts[-1]} for run, counts in opened.counts.items()
        },
    }
