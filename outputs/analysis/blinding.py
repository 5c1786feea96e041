"""A blind analysis from commitment to opening."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from na64.datasets.basics.turns import turn
from na64.outputs.analysis.full_report import renew_report
from na64.outputs.analysis.listening import Listener, Tell, silent
from na64.outputs.analysis.workers import Workers
from na64.outputs.blinding import freeze as manifests
from na64.outputs.blinding import unblind as openings
from na64.outputs.blinding.examination import find_log
from na64.outputs.blinding.examination import problems as problems_of
from na64.outputs.blinding.names import UNBLINDED
from na64.outputs.limits.analysis import LimitsAnalysis
from na64.outputs.limits.messages import of_analysis
from na64.outputs.limits.observed import observed_limits
from na64.outputs.report.opened_plane import write_plane
from na64.outputs.result import audit_log
from na64.outputs.result.product_names import COUNTING, COUNTING_PATIENCE, PRODUCTS
from na64.outputs.result.store import require_result
from na64.processors.unblinded_counts import Opened


def freeze(
    folder: str | Path,
    *,
    background: str = manifests.NOT_STATED,
    expected_limit: str = manifests.NOT_STATED,
    upstream_blinding: str = manifests.NOT_STATED,
    after: str = "",
    layouts: Collection[str] = (),
    deviations: str = "",
    tell: Tell = silent,
) -> str:
    """Commitment of a blind analysis: the hash of the manifest that is written and logged.

    Parameters
    ----------
    folder : str or Path
        Where `process` wrote to.
    background, expected_limit : str
        The estimate with its error and the limit expected of it; by default those that `limits` found.
    upstream_blinding : str
        Blinding that was applied to the files before.
    after : str
        The freeze under which the box was opened before.
    layouts : collection of str
        Layouts whose ECAL, HCAL and trigger are not those of a packaged one, as they should be.
    deviations : str
        Why numbers of the periods are not the packaged ones, where they are not.
    tell : callable
        Takes the lines that name manifest and commitment.

    Returns
    -------
    str
        sha256 of the manifest, which `unblind` asks for.

    Raises
    ------
    FileNotFoundError
        The folder holds no result.
    na64.outputs.blinding.freeze.RefusedError
        A rule of the blind analysis stands against it (a ``RuntimeError``).

    Examples
    --------
    >>> commitment = na64.freeze("out", background="0.5 +- 0.2 events")
    >>> len(commitment)
    64
    """
    place = Path(folder)
    declared = manifests.FreezeStatement(
        background=background,
        expected_limit=expected_limit,
        upstream=upstream_blinding,
        after=after,
        layouts=tuple(layouts),
        deviations=deviations,
    )
    require_result(place)
    with turn(place, PRODUCTS, "na64 freeze"):
        digest = manifests.freeze(place, declared)
    tell(f"manifest: {place / manifests.FREEZE}")
    tell(f"commitment: {digest}")
    return digest


@dataclass(frozen=True, slots=True)
class Unblinded:
    """What came of opening a box.

    Attributes
    ----------
    opened : Opened
        Counts and candidates; `failures` names what could not be read.
    evidence : mapping
        What was seen against what was frozen, see `na64.outputs.blinding.evidence.evidence_of`.
    limits : LimitsAnalysis or None
        The observed ones, of the whole box.
    plane : Path
        Figure of the opened plane.
    """

    opened: Opened
    evidence: Mapping[str, Any]
    limits: LimitsAnalysis | None
    plane: Path


def unblind(
    folder: str | Path,
    *,
    freeze: str,
    reason: str,
    approved_by: Sequence[str],
    stage: float = 1.0,
    executor: str = "processes",
    workers: int | None = None,
    scheduler: str | None = None,
    tell: Tell = silent,
) -> Unblinded:
    """Content of the box of a frozen analysis; refused if anything differs from the manifest.

    Parameters
    ----------
    folder : str or Path
        Where `freeze` wrote to.
    freeze : str
        What `freeze` gave.
    reason : str
        Why now.
    approved_by : sequence of str
        Two people who agree.
    stage : float
        Open this fraction of the spills first.
    executor : {"processes", "dask", "iterative"}
    workers : int, optional
        By default the number of cores.
    scheduler : str, optional
        Address of a Dask cluster.
    tell : callable
        Takes lines about what was found, as they come.

    Returns
    -------
    Unblinded

    Raises
    ------
    FileNotFoundError
        The folder holds no result.
    na64.outputs.blinding.freeze.RefusedError
        Something is not as it was frozen, or a rule stands against it (a ``RuntimeError``); it is logged.
    na64.datasets.basics.turns.BusyError
        A job counts into the folder (a ``RuntimeError``); nothing is opened.

    Examples
    --------
    >>> found = na64.unblind(
    ...     "out", freeze=commitment, reason="approved", approved_by=["Anna", "Boris"], executor="iterative"
    ... )
    >>> found.opened.failures
    ()
    """
    place, listener = Path(folder), Listener(tell=tell)
    demand = openings.UnblindingRequest(freeze, reason, tuple(approved_by), stage)
    crew = Workers(executor, workers, scheduler)
    require_result(place)
    # Whoever comes second waits for the first, and is then refused by what the log says. Nobody may put
    # another result here meanwhile: what was in the box of one would lie beside the other.
    with (
        turn(place, "opening", "na64 unblind", patience=math.inf),
        turn(place, COUNTING, "na64 unblind", patience=COUNTING_PATIENCE),
    ):
        with crew.open(tell) as backend:
            opened, evidence = openings.unblind(place, demand, backend)
        listener.say(opened.failures)
        tell(f"UNBLINDED: {opened.total[0]:,} events in the box, {opened.total[-1]:,} pass all cuts")
        listener.say(_of_evidence(evidence))
        tell(f"record: {place / UNBLINDED}")
        analysis = None
        if demand.fraction >= 1 and not opened.failures:
            with turn(place, PRODUCTS, "na64 unblind"):
                analysis = _observe(place, demand.freeze, listener)
        with turn(place, PRODUCTS, "na64 unblind"):
            plane = write_plane(place)
            tell(f"plane: {plane}")
            listener.say(renew_report(place))
    return Unblinded(opened, evidence, analysis, plane)


def _of_evidence(evidence: Mapping[str, Any]) -> Iterator[str]:
    background, p_value = evidence["background"], evidence["p_value"]
    if p_value is None:
        yield f"no p-value: {evidence['why']}"
    else:
        z = evidence["significance"]
        size = "" if z is None or z <= 0 else f", {z:.2f} standard deviations"
        yield (
            f"background as frozen {background['n']:.3g} +- {background['error']:.2g}, "
            f"{evidence['observed']:,} observed: p {f'= {p_value:.3g}' if p_value else '< 1e-300'}{size}"
        )
    yield str(evidence["look_elsewhere"])


def _observe(folder: Path, freeze: str, listener: Listener) -> LimitsAnalysis | None:
    """Set the observed limits; whatever stands against them does not take the opening with it."""
    try:
        analysis = observed_limits(folder, freeze, manifests.read_manifest(folder, freeze))
    except (ValueError, KeyError, OSError, RuntimeError, ArithmeticError) as problem:
        why = " ".join(str(problem).split())
        listener.tell(f"no observed limits ({why}): na64 limits makes them")
        return None
    if analysis is None:
        listener.tell("no observed limits: none were frozen; na64 limits makes them")
    else:
        listener.say(of_analysis(analysis))
    return analysis


@dataclass(frozen=True, slots=True)
class Audit:
    """What the log of a blind analysis shows.

    Attributes
    ----------
    log : Path
    timeline : tuple of str
        A line an entry; empty if the log itself was altered.
    problems : tuple of str
        What was altered.
    torn : tuple of str
        What was not written to its end.
    n_lines : int
    head : str
        Hash of the last line, to be kept elsewhere; 0 lines and no hash if something was altered.
    """

    log: Path
    timeline: tuple[str, ...]
    problems: tuple[str, ...]
    torn: tuple[str, ...]
    n_lines: int
    head: str

    @property
    def holds(self) -> bool:
        """Nothing was altered and nothing is torn."""
        return not self.problems and not self.torn


def audit(path: str | Path, *, heads: Sequence[str] = (), tell: Tell = silent) -> Audit:
    """Verification of the log of a blind analysis, without data.

    Parameters
    ----------
    path : str or Path
        A log, or the folder of a result.
    heads : sequence of str
        Hashes that the log had once, kept elsewhere.
    tell : callable
        Takes the timeline and what is wrong, line by line.

    Returns
    -------
    Audit
        Its `holds` says whether the chain does.

    Raises
    ------
    FileNotFoundError
        There is no log.

    Examples
    --------
    >>> na64.audit("out").holds
    True
    """
    log = find_log(Path(path))
    altered = bool(audit_log.altered(log))
    timeline = () if altered else tuple(audit_log.timeline(log))
    problems, torn = tuple(problems_of(Path(path), heads)), tuple(audit_log.torn(log))
    entries = () if problems else audit_log.entries(log)
    found = Audit(log, timeline, problems, torn, len(entries), "" if problems else audit_log.head(log))
    Listener(tell=tell).say(_of_audit(found))
    return found


def _of_audit(found: Audit) -> Iterator[str]:
    yield from found.timeline
    for problem in found.problems:
        yield f"ALTERED: {problem}"
    for problem in found.torn:
        yield f"TORN: {problem} in {found.log.name}; the next line that is added keeps what is left of it"
    if not found.problems:
        yield f"the chain holds: {found.n_lines} lines, the last is {found.head}"
