"""Opening the box: only what was frozen, only by two people, and never without a trace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from na64.datasets.basics.atomic_file import write_bytes
from na64.datasets.basics.identity import file_digest
from na64.datasets.catalogue.build import Catalogue, FileRecord, verify
from na64.outputs.blinding.freeze import RefusedError, current, differences, openings, read_manifest
from na64.outputs.result import audit_log
from na64.outputs.result.provenance import to_json
from na64.outputs.result.request import Request, read_request, set_up
from na64.outputs.result.summary import Blinding
from na64.processors.execution.backend import Backend
from na64.processors.job import Job
from na64.processors.unblinded_counts import Opened, Opening, open_box
from na64.selections.signal_box import Unblinding

UNBLINDED = "unblinded.json"
SCHEMA = 1
"""Version of `unblinded.json`."""


@dataclass(frozen=True, slots=True)
class Demand:
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


def unblind(folder: Path, demand: Demand, backend: Backend) -> Opened:
    """Open the box of a frozen result, write what was in it to `UNBLINDED` and log it.

    Raises
    ------
    RefusedError
        Something is not as it was frozen, or a rule stands against it; the refusal is in the log.
    """
    request = read_request(folder)
    log = request.log(folder)
    try:
        unblinding, catalogue, job = _permit(folder, request, demand)
    except (RefusedError, ValueError, KeyError, OSError) as problem:
        reason = str(problem.args[0]) if isinstance(problem, KeyError) else str(problem)
        _log_refusal(log, demand, reason)
        raise RefusedError(reason) from problem
    permitted = {
        "freeze": demand.freeze,
        "reason": demand.reason,
        "approved_by": list(demand.approved_by),
        "fraction": demand.fraction,
        "catalogue": catalogue.identity,
    }
    line = audit_log.append(log, "opening", permitted)
    opened = open_box(catalogue, Opening(job, unblinding), backend)
    data = to_json(_record(opened, job, permitted, line))
    _keep_earlier(folder / UNBLINDED)
    write_bytes(folder / UNBLINDED, data)
    audit_log.append(log, "opened", {"freeze": demand.freeze, "unblinded": sha256(data).hexdigest()})
    return opened


def _permit(folder: Path, request: Request, demand: Demand) -> tuple[Unblinding, Catalogue, Job]:
    log = request.log(folder)
    if problems := audit_log.verify(log):
        raise RefusedError(f"{log.name}: {problems[0]}")
    manifest = read_manifest(folder, demand.freeze)
    _check_log(log, request, manifest, demand)
    unblinding = Unblinding(
        demand.freeze, demand.reason, demand.approved_by, manifest["stage_key"], demand.fraction
    )
    changed = list(differences(manifest["frozen"], current(folder, request)))
    if changed:
        raise RefusedError("; ".join(changed))
    catalogue, job = set_up(folder, request)
    for record in catalogue.good:
        _check_content(record)
    return unblinding, catalogue, job


def _check_content(record: FileRecord) -> None:
    """Refuse a file that is not the one that was frozen; of a remote one only size and entries are known."""
    verify(record)
    path = Path(record.path)
    if path.is_file() and file_digest(path).sha256 != record.sha256:
        raise RefusedError(f"{record.name} has another content than it was registered with")


def _check_log(log: Path, request: Request, manifest: dict[str, Any], demand: Demand) -> None:
    lines = audit_log.entries(log)
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


def _keep_earlier(path: Path) -> None:
    """Give what an earlier opening wrote a name of its own: it is never overwritten."""
    if path.exists():
        path.rename(path.with_name(f"unblinded-{sha256(path.read_bytes()).hexdigest()[:12]}.json"))


def _log_refusal(log: Path, demand: Demand, reason: str) -> None:
    if audit_log.verify(log):
        return  # Nothing can be added to an altered log.
    details = {"freeze": demand.freeze, "approved_by": list(demand.approved_by), "reason": reason}
    audit_log.append(log, "refusal", details)


def _record(opened: Opened, job: Job, permitted: dict[str, Any], line: str) -> dict[str, object]:
    names = ("box", *job.selection.cut_names)
    return {
        "schema": SCHEMA,
        "blinding": Blinding.UNBLINDED.value,
        "verdict": "INCOMPLETE" if opened.failures else "COMPLETE",
        "failures": list(opened.failures),
        "record": permitted | {"time": datetime.now(UTC).isoformat(timespec="seconds"), "audit": line},
        "cutflow": [
            {"cut": name, "passed": passed} for name, passed in zip(names, opened.total, strict=True)
        ],
        "runs": {
            str(run): {"box": counts[0], "selected": counts[-1]} for run, counts in opened.counts.items()
        },
    }
