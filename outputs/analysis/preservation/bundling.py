"""A result with all that it was made of, in one file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from na64.datasets.basics.turns import turn
from na64.datasets.catalogue.build import Catalogue
from na64.outputs.analysis.listening import Tell, silent
from na64.outputs.analysis.preservation.archive import write_archive
from na64.outputs.analysis.preservation.contents import (
    CALIBRATION,
    CATALOGUE,
    PERIODS,
    PLUGIN,
    RESULT,
    SELECTION,
    inputs_of_limits,
    left_out_of,
    origins_of,
    products_of,
)
from na64.outputs.analysis.preservation.crate import METADATA, Described, Statement, metadata
from na64.outputs.analysis.preservation.lock import lock, locked_versions, other_versions
from na64.outputs.analysis.preservation.wheel import requirements_of_program, wheel_of_program
from na64.outputs.blinding.freeze import openings
from na64.outputs.blinding.opened_box import as_opened, read_opened
from na64.outputs.blinding.replacement import OPENINGS
from na64.outputs.result import audit_log
from na64.outputs.result.identities import parts_of_job, parts_of_run
from na64.outputs.result.product_names import PRODUCTS
from na64.outputs.result.products import Products
from na64.outputs.result.provenance import code_digest
from na64.outputs.result.request import LOG, Request, read_request, set_up
from na64.outputs.result.store import RESULT as RESULT_FILE
from na64.outputs.result.store import read_result, require_result
from na64.outputs.result.summary import Summary
from na64.processors.execution.ledger import is_key
from na64.processors.features.plugin import Plugin
from na64.processors.job import Job

CODE = "code"
LOCK = f"{CODE}/requirements.lock"
_MADE_OF = (f"{SELECTION}/", f"{PLUGIN}/", f"{PERIODS}/", f"{CALIBRATION}/")


def bundle(
    folder: str | Path, *, to: str | Path, opened: bool = False, terms: str = "", tell: Tell = silent
) -> Path:
    """Bundle of a result: products, and selection, periods, catalogue, program and versions behind them.

    Parameters
    ----------
    folder : str or Path
        Where `na64 process` wrote to.
    to : str or Path
        File that ends in ``.zip``.
    opened : bool
        Take along what an opened box held; the bundle says so.
    terms : str
        Licence of the bundle, words or a URL.
    tell : callable
        Takes lines.

    Raises
    ------
    ValueError
        The box was opened and `opened` is not given, the log was altered, or the result is not what files
        and program would make now; names what differs.
    FileNotFoundError
        Something that the result was made of is not there any more.
    """
    place, path = Path(folder), Path(to)
    if path.suffix != ".zip":
        raise ValueError(f"{path}: expected a name that ends in .zip")
    require_result(place)
    with turn(place, PRODUCTS, "na64 bundle"):
        files, stated = _collect(place, opened=opened, terms=terms, tell=tell)
    path.parent.mkdir(parents=True, exist_ok=True)
    contents = {METADATA: metadata(files, stated), **{one.name: one.data for one in files}}
    write_archive(path, contents)
    tell(f"bundle: {path}, {len(contents)} files, {path.stat().st_size / 1e6:.1f} MB; {stated.status}")
    return path


def _collect(folder: Path, *, opened: bool, terms: str, tell: Tell) -> tuple[list[Described], Statement]:
    products, request = read_result(folder), read_request(folder)
    status = _status(folder, products, request, opened=opened)
    catalogue, job = set_up(folder, request)
    for changed in _changes(products, catalogue, job):
        raise ValueError(
            f"{folder}: {changed} is not the one that made the result; the same na64 process makes it anew"
        )
    for line in () if job.plugin is None else plugin_lines(products, job.plugin):
        tell(line)
    wheel, program = wheel_of_program()
    locked = lock(requirements_of_program(), _packages(products))
    for line in other_versions(locked_versions(locked.decode()), "made the result and is locked"):
        tell(line)
    files = [*products_of(folder), *origins_of(folder, request, catalogue, job)]
    found = list(inputs_of_limits(folder))
    files += [one for one in found if isinstance(one, Described)]
    for line in [*(one for one in found if isinstance(one, str)), *left_out_of(folder)]:
        tell(f"not in the bundle: {line}")
    files.append(Described(f"{CODE}/{wheel}", program, "the program that made the result"))
    files.append(Described(LOCK, locked, "versions of the packages that it ran with"))
    files.sort(key=lambda one: one.name)
    return files, _statement(folder, products, files, status=status, wheel=wheel, terms=terms)


def plugin_lines(products: Products, plugin: Plugin) -> Iterator[str]:
    """What is to be known of a plug-in: packages that it needs, other texts that events were counted with.

    Raises
    ------
    ValueError
        It imports modules that a bundle cannot take along.
    """
    name, facts = plugin.name, products.provenance.get("plugin")
    for module, version in plugin.imported:
        if is_key(version):  # no version, but the sha256 of sources that are not installed
            raise ValueError(f"plug-in {name}: imports {module}, which would not be in the bundle")
        yield f"plug-in {name}: {version} is not in the bundle"
    texts = facts.get("sha256", ()) if isinstance(facts, Mapping) else ()
    if others := [text[:12] for text in texts if text != plugin.sha256]:
        yield (
            f"plug-in {name}: {plugin.sha256[:12]} is in the bundle; events were counted with "
            f"{', '.join(others)}, which differs in comments or formatting only"
        )


def _changes(products: Products, catalogue: Catalogue, job: Job) -> Iterator[str]:
    """What is not as it was when the result was made."""
    then, now = products.summary.identities, parts_of_job(job)
    yield from (name for name in now if then.get(name) != now[name])
    if catalogue.identity != then.get("catalogue"):
        yield "catalogue"
    for facts in products.summary.runs:
        parts = parts_of_run(catalogue, job, facts.run) if facts.run in job.runs else {"number": ""}
        changed = (name for name in parts if facts.identities.get(name) != parts[name])
        yield from (f"{name} of run {facts.run}" for name in changed)
    if products.provenance.get("code") != code_digest():
        yield "program"


def _packages(products: Products) -> Mapping[str, str]:
    known: Any = products.provenance.get("packages", {})
    return dict(known)


def _status(folder: Path, products: Products, request: Request, *, opened: bool) -> str:
    """Verdict and blinding in words.

    Raises
    ------
    ValueError
        The box was opened and nobody says that this is meant; or the log was altered.
    """
    words = list(_openings(folder, products.summary, request))
    if words and not opened:
        raise ValueError(
            f"{folder}: {words[0]}: a bundle would tell what was in the box; --opened says that this is meant"
        )
    summary = as_opened(products, read_opened(folder, products.summary)).summary
    return "; ".join([f"{summary.verdict.value}, {summary.label}", *words])


def _openings(folder: Path, summary: Summary, request: Request) -> Iterator[str]:
    """What is known of an opened box: of this result, and of others in the same log."""
    box = read_opened(folder, summary)
    if box is not None:
        yield f"the box was {box.words} under the freeze {box.freeze[:12]}"
    elif left := sorted(path.name for pattern in OPENINGS for path in folder.glob(pattern)):
        yield f"{left[0]} tells what was in a box"
    if not request.audit:
        return
    log = request.log(folder)
    if not log.exists():
        raise FileNotFoundError(2, "the log of the passes over these data is not there", str(log))
    if problems := audit_log.altered(log):
        raise ValueError(f"{log.name}: {problems[0]}; an altered log is not bundled")
    others = [one for one in openings(log) if box is None or one["freeze"] != box.freeze]
    if others:
        yield f"{LOG} tells of an opening under the freeze {str(others[-1]['freeze'])[:12]}"


def _statement(
    folder: Path, products: Products, files: list[Described], *, status: str, wheel: str, terms: str
) -> Statement:
    summary, provenance = products.summary, products.provenance
    made = datetime.fromtimestamp((folder / RESULT_FILE).stat().st_mtime, UTC).date()
    runs = f"{len(summary.runs)} run{'s' * (len(summary.runs) != 1)}"
    described = (
        f"Result of the selection {summary.selection.name} ({summary.selection.label}) over {runs} of NA64, "
        f"{summary.scope}, with all that it was made of but the run files. {status}. "
        "na64 reproduce makes it again from these and the run files."
    )
    names = [one.name for one in files]
    return Statement(
        name=f"na64: {summary.selection.name}, {runs}",
        description=described,
        date=made.isoformat(),
        status=status,
        license=terms,
        command=str(provenance.get("command", "")),
        version=str(provenance.get("version", "")),
        program=f"{CODE}/{wheel}",
        inputs=tuple(name for name in names if name == CATALOGUE or name.startswith(_MADE_OF)),
        outputs=tuple(name for name in names if name.removeprefix(f"{RESULT}/") in summary.products),
    )
