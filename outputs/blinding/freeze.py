"""The manifest of a frozen analysis: all that must be the same when its box is opened."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from na64.datasets.basics.atomic_file import staged
from na64.datasets.basics.identity import bytes_digest, identity
from na64.datasets.basics.json_records import parse_object, to_json
from na64.datasets.basics.run_ranges import to_ranges
from na64.datasets.catalogue.build import Catalogue, SampleKind
from na64.datasets.conditions.periods import Period
from na64.outputs.blinding.declared_layouts import undeclared_layouts
from na64.outputs.result import audit_log
from na64.outputs.result.descriptions import period_facts, selection_facts
from na64.outputs.result.hidden_regions import log_details
from na64.outputs.result.origin import Origin, origin_of, problem_of, unseal_facts
from na64.outputs.result.product_names import LIMITS
from na64.outputs.result.products import Products
from na64.outputs.result.provenance import code_digest, packages
from na64.outputs.result.request import Request, read_request, set_up
from na64.outputs.result.store import RESULT, read_result
from na64.outputs.result.summary import Summary, Verdict
from na64.outputs.result.verdict import verdict_problems
from na64.processors.job import Job

FREEZE = "freeze.json"
SCHEMA = 1
"""Version of `freeze.json`."""

NOT_STATED = "not stated"

REPLACED = "replaced"
"""Folder of what cannot be made again: freezes and opened boxes of results that were replaced."""


class RefusedError(RuntimeError):
    """A rule of the blind analysis stands against it; the message says which."""


@dataclass(frozen=True, slots=True)
class FreezeStatement:
    """What people state when they freeze.

    Attributes
    ----------
    background, expected_limit : str
        The estimate and the limit that the opened box will be compared with.
    upstream : str
        Any blinding that was applied to the files before.
    after : str
        The freeze under which the box was opened before; empty for a first opening.
    layouts : tuple of str
        Names of layouts that decide what is hidden otherwise than the packaged ones.
    deviations : str
        Why periods are not as packaged; empty if they are.
    """

    background: str = NOT_STATED
    expected_limit: str = NOT_STATED
    upstream: str = NOT_STATED
    after: str = ""
    layouts: tuple[str, ...] = ()
    deviations: str = ""


def _stated_in(folder: Path) -> dict[str, Any] | None:
    """Background and expected limit as `LIMITS` has them, if `na64 limits` wrote it of this result.

    Raises
    ------
    RefusedError
        It is of another result or of several, was edited, or is not of the files that are there.
    """
    path = folder / LIMITS
    if not path.exists():
        return None
    data = path.read_bytes()
    try:
        plain, found = unseal_facts(data, LIMITS)
        background, limit = plain["background"], plain["expected_limit"]
        stated = {
            "sha256": bytes_digest(data),
            "background": {"n": float(background["n"]), "error": float(background["error"])},
            "expected_limit": limit,
            "periods": [
                {name: period[name] for name in ("name", "background", "background_error")}
                for period in plain["periods"]
            ],
            "excluded": [int(run["run"]) for run in plain["excluded"]],
            "request": dict(plain["request"]),
            "files": [dict(file) for file in plain["files"]],
        }
    except (ValueError, OverflowError, KeyError, TypeError) as error:
        raise RefusedError(f"{LIMITS}: no background and expected limit ({type(error).__name__})") from None
    if problem := problem_of(found, Origin(origin_of(folder).result), of=folder.name):
        raise RefusedError(f"{LIMITS}: {problem}; na64 limits has to be run again")
    if changed := changed_files(folder, stated):
        raise RefusedError(f"{LIMITS} was made of {changed[0]}; na64 limits has to be run again")
    return stated


def changed_files(folder: Path, stated: Mapping[str, Any] | None) -> list[str]:
    """Name the files that a background and a limit were made of and that are not as they were then."""
    changed = []
    for file in stated["files"] if stated else ():
        path = folder / file["path"]
        if not path.is_file():
            changed.append(f"{path.name}, which is gone")
        elif bytes_digest(path.read_bytes()) != file["sha256"]:
            changed.append(f"another {path.name} than there is")
    return changed


def _in_words(declared: FreezeStatement, estimate: dict[str, Any] | None) -> dict[str, str]:
    """Statements of a freeze, in words; what is not stated by option is taken from the estimate."""
    background, limit = declared.background, declared.expected_limit
    if estimate and background == NOT_STATED:
        background = "{n:.4g} +- {error:.3g} events".format(**estimate["background"])
    if estimate and limit == NOT_STATED:
        limit = _limit_in_words(estimate["expected_limit"])
    return {
        "background": background,
        "expected_limit": limit,
        "upstream_blinding": declared.upstream,
        "after": declared.after,
        "layouts": ", ".join(declared.layouts),
        "deviations": declared.deviations,
    }


def _limit_in_words(limit: Mapping[str, Any]) -> str:
    events = limit.get("events", {})
    if not isinstance(events, Mapping) or "median" not in events:
        return f"as in {LIMITS}"
    level = f" at {limit['level']:.0%} CL" if "level" in limit else ""
    return f"{events['median']:.4g} events (median){level}"


def freeze(folder: Path, declared: FreezeStatement) -> str:
    """Write the manifest of the result in a folder, log it, and return its sha256: the commitment.

    Background and expected limit are those declared, or else those that `na64 limits` found.

    Raises
    ------
    RefusedError
        The result is not one of blind data, not complete, or not that of catalogue and selection as they are;
        or periods are not as packaged and nobody declares why.
    """
    request = read_request(folder)
    log = request.log(folder)
    if problems := audit_log.altered(log):
        raise RefusedError(f"{log.name}: {problems[0]}")
    if declared.after and declared.after not in opened_freezes(log):
        raise RefusedError(f"no box was opened under the freeze {declared.after}")
    if undeclared := undeclared_layouts(folder, request, declared.layouts):
        raise RefusedError(undeclared)
    found, estimate = current(folder, request), _stated_in(folder)
    if found["not_packaged"] and not declared.deviations.strip():
        raise RefusedError(f"{'; '.join(found['not_packaged'])}: declare why with --deviations")
    manifest: dict[str, Any] = {
        "schema": SCHEMA,
        "declared": _in_words(declared, estimate),
        "estimate": estimate,
        "frozen": found,
        "stage_key": secrets.token_hex(32),
        "audit": audit_log.head(log),
    }
    data = to_json(manifest)
    digest = bytes_digest(data)
    details = {
        "freeze": digest,
        "search": found["selection"]["search"],
        "catalogue": found["catalogue"]["identity"],
        "result": bytes_digest((folder / RESULT).read_bytes()),
        **_stated(manifest["declared"]),
    }
    with staged(folder / FREEZE, data):  # a log that cannot be written leaves the manifest of before
        audit_log.append(log, "freeze", details)
        _keep_opened(folder / FREEZE, log)
    return digest


def _keep_opened(path: Path, log: Path) -> None:
    """Manifest that a box was opened under a name of its own: it says what was committed to."""
    if path.exists() and (digest := bytes_digest(path.read_bytes())) in opened_freezes(log):
        path.rename(path.with_name(f"freeze-{digest[:12]}.json"))


def _stated(declared: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in declared.items() if text not in ("", NOT_STATED)}


def read_manifest(folder: Path, digest: str) -> dict[str, Any]:
    """Read the manifest of this sha256; that of a result that was replaced since counts too.

    Raises
    ------
    RefusedError
        The folder has none, or another.
    """
    kept = [*sorted(folder.glob("freeze-*.json")), *sorted((folder / REPLACED).glob(f"*/{FREEZE}"))]
    paths = [folder / FREEZE, *kept]
    manifests = [path.read_bytes() for path in paths if path.is_file()]
    if not manifests:
        raise RefusedError("nothing was frozen here")
    for data in manifests:
        if bytes_digest(data) == digest:
            return parse_object(data, FREEZE)
    raise RefusedError(f"{FREEZE} is {bytes_digest(manifests[0])}, not {digest}")


def current(folder: Path, request: Request) -> dict[str, Any]:
    """All that a manifest fixes, as it is now.

    Raises
    ------
    RefusedError
        The stored result cannot be frozen.
    """
    catalogue, job = set_up(folder, request)
    products = read_result(folder)
    summary = products.summary
    _check(summary, catalogue, job, request)
    _check_verdict(products, catalogue, job)
    return {
        **_code(),
        "catalogue": {"identity": catalogue.identity, "files": sorted(r.sha256 for r in catalogue.good)},
        "selection": _selection(job),
        "plugin": None if job.plugin is None else job.plugin.facts,
        "calibration": _calibration(job),
        "periods": dict(_periods(job, catalogue.known_periods())),
        "not_packaged": log_details(job, catalogue)["not_packaged"],
        "opened_before": opened_before(request.log(folder), catalogue, job),
        "runs": _runs(job),
        "bad_list": identity(job.bad),
        "layouts": {name: layout.identity for name, layout in job.layouts.items()},
        "blind_result": dict(summary.products),
    }


def differences(frozen: object, now: object, where: str = "") -> Iterator[str]:
    """Name every place where two manifests differ, with both values."""
    if isinstance(frozen, Mapping) and isinstance(now, Mapping):
        for key in sorted({*frozen, *now}):
            place = f"{where}.{key}" if where else str(key)
            yield from differences(frozen.get(key), now.get(key), place)
    elif frozen != now:
        yield f"{where} is {_short(now)}, was frozen as {_short(frozen)}"


def opened_before(log: Path, catalogue: Catalogue, job: Job) -> list[str]:
    """Other searches whose boxes were opened as a whole, as they are now and for the same catalogue.

    They are not closed any more: what lies in them and in the box of this search too can be opened.
    """
    now = boxes_by_search(job)
    found = {
        str(details["search"])
        for details in openings(log)
        if details["catalogue"] == catalogue.identity
        and details["fraction"] >= 1
        and "search" in details
        and details["boxes"] == now.get(str(details["search"]))
    }
    return sorted(found - {job.selection.search})


def boxes_by_search(job: Job) -> dict[str, dict[str, list[str]]]:
    """Identities of the boxes of each search, by run."""
    found: dict[str, dict[str, list[str]]] = {}
    for run, context in job.runs.items():
        for box in context.boxes:
            found.setdefault(box.search, {}).setdefault(str(run), []).append(box.identity)
    return found


def opened_freezes(log: Path) -> list[str]:
    """Freezes under which something was opened, in order."""
    return [str(details["freeze"]) for details in openings(log)]


def openings(log: Path) -> list[Mapping[str, Any]]:
    """What the log says of every opening, in order."""
    found = []
    for line in audit_log.entries(log):
        details = line["details"]
        if line["event"] == "opening" and isinstance(details, Mapping):
            found.append(details)
    return found


def _check(summary: Summary, catalogue: Catalogue, job: Job, request: Request) -> None:
    if catalogue.kind is not SampleKind.DATA or not summary.is_data:
        raise RefusedError("simulation is not blind: there is nothing to freeze")
    calibration = None if job.calibration is None else job.calibration.identity
    known = {"catalogue": catalogue.identity, "selection": job.selection.identity, "calibration": calibration}
    for what, now in known.items():
        if summary.identities.get(what) != now:
            raise RefusedError(f"the stored result is of another {what} than there is now")
    if summary.verdict is not Verdict.COMPLETE or request.limit is not None:
        raise RefusedError(f"the stored result is incomplete: {'; '.join(summary.reasons) or 'limited'}")


def _check_verdict(products: Products, catalogue: Catalogue, job: Job) -> None:
    """Compute the verdict again from what is stored and what is catalogued, whatever the result says."""
    problems = verdict_problems(products)
    summary = products.summary
    counted = {facts.run: facts.accounting["recorded"] for facts in summary.runs}
    catalogued = {run: catalogue.runs[run] for run in job.runs}
    for run in sorted(counted.keys() | catalogued.keys()):
        if counted.get(run) != catalogued.get(run):
            problems.append(
                f"run {run}: the result is of {counted.get(run, 0):,} recorded events, the catalogue has "
                f"{catalogued.get(run, 0):,}"
            )
    if catalogue.unreviewed:
        problems.append(f"{catalogue.unreviewed[0].name} was not read, and nobody has reviewed why")
    if problems:
        raise RefusedError(f"the stored result is incomplete: {problems[0]}")


def _code() -> dict[str, Any]:
    return {"code": code_digest(), "packages": packages()}


def _selection(job: Job) -> dict[str, Any]:
    selection, facts = job.selection, selection_facts(job.selection, job.plugin)
    places = {
        group: {cut.name: [*(_words(i.text, i.table) for i in cut.intervals), *cut.more] for cut in cuts}
        for group, cuts in (("cuts", facts.cuts), ("regions", facts.regions))
    }
    return {
        "name": selection.name,
        "search": selection.search,
        "order": list(selection.cut_names),
        **places,
        "variations": {variation.name: list(variation.texts) for variation in facts.variations},
        "yields_after": selection.yields_after,
        "identity": selection.identity,
    }


def _words(text: str, table: str) -> str:
    return f"{text} [{table}]" if table else text


def _calibration(job: Job) -> dict[str, str] | None:
    if (made := job.calibration) is None:
        return None
    return {"name": made.name, "identity": made.identity, "runs": made.covers}


def _periods(job: Job, periods: Mapping[str, Period]) -> Iterator[tuple[str, dict[str, Any]]]:
    runs: dict[str, list[int]] = {}
    for run, context in job.runs.items():
        runs.setdefault(context.period, []).append(run)
    yield from ((name, _period(listed, job, periods[name])) for name, listed in runs.items())


def _period(runs: Sequence[int], job: Job, period: Period) -> dict[str, Any]:
    context = job.runs[runs[0]]
    return {
        "box": {
            "search": job.selection.search,
            "opened": {box.identity: box.text() for box in job.opened_boxes(runs[0])},
            "hidden_region": sorted({job.hidden_region(run) for run in runs}),
            "hidden_under": [text for effect in job.closing_effects for text in effect.texts()],
            "hidden": {box.identity: f"{box.search}: {box.text()}" for box in context.boxes},
        },
        "setup": identity(context.setup),
        "facts": {
            fact.name: f"{fact.value} {fact.unit} {fact.source}"
            for fact in period_facts(period, job.calibration).facts
        },
    }


def _runs(job: Job) -> dict[str, str]:
    kinds = sorted({context.type.value for context in job.runs.values()})
    return {kind: to_ranges(run for run, c in job.runs.items() if c.type.value == kind) for kind in kinds}


def _short(value: object) -> str:
    text = "absent" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else f"{text[:97]}..."
