"""From what came of a job to what is said about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from na64.datasets.basics.run_ranges import to_ranges
from na64.datasets.catalogue.build import Catalogue, SampleKind, Status
from na64.datasets.catalogue.triggers import differences
from na64.datasets.conditions.bad_spills import BadList
from na64.datasets.conditions.conditions import RunFacts, SpillFacts, spills_by_run
from na64.datasets.conditions.exposure import Exposure, exposure_of_run, kept_fractions
from na64.datasets.conditions.on_target import on_target
from na64.datasets.conditions.periods import Period
from na64.outputs.result import histograms
from na64.outputs.result.descriptions import box_facts, period_facts, selection_facts
from na64.outputs.result.hidden_regions import departures
from na64.outputs.result.identities import parts_of_job, parts_of_run
from na64.outputs.result.messages import counted
from na64.outputs.result.missing_sums import hidden_for_lack, missing_sums, unjudged_of
from na64.outputs.result.skipped import too_many_skipped
from na64.outputs.result.spills import SpillReading, read_spills, stated_spills
from na64.outputs.result.summary import Blinding, RunAccounting, Summary, Verdict
from na64.outputs.result.summary_facts import FileFacts
from na64.outputs.result.valueless import in_all_runs, valueless_of, warnings_of_valueless
from na64.processors.campaign import CampaignResult
from na64.processors.counting.booking import Booking
from na64.processors.job import Job
from na64.selections.selection import Selection
from na64.selections.signal_box import not_outside

UNKNOWN = Exposure(None, None)
_UNCOUNTED = "; its particles on target do not count, being those of other events"

SpillsOfRuns: TypeAlias = Mapping[int, Sequence[SpillFacts]]
Known: TypeAlias = Mapping[str, tuple[Period, SpillsOfRuns]]


def summarise(
    catalogue: Catalogue,
    job: Job,
    result: CampaignResult,
    booking: Booking,
    periods: Mapping[str, Period],
    *,
    scope: str = "all runs",
) -> Summary:
    """Summary of a result: everything that is not in its tables and histograms.

    Parameters
    ----------
    catalogue : Catalogue
    job : Job
    result : CampaignResult
    booking : Booking
        Of the job's selection.
    periods : mapping of str to Period
    scope : str
        Which runs were asked for.
    """
    used = [periods[name] for name in sorted({context.period for context in job.runs.values()})]
    spills = spills_by_run(stated_spills(catalogue, job, periods))
    known = {period.name: (period, spills) for period in used}
    reading = read_spills(catalogue, result)
    differing = {run: text for run, text in differences(catalogue, periods).items() if run in job.runs}
    uncounted = {run: _UNCOUNTED for run in differing if not reading.may_lack(run)}
    exposures = {
        number: UNKNOWN if number in uncounted else _exposure(number, catalogue, job, reading, known)
        for number in result.tallies
    }
    facts = {run: _facts(run, catalogue, job, periods) for run in exposures}
    valueless, unjudged = valueless_of(result.files), unjudged_of(catalogue, job, result.files)
    runs = tuple(
        replace(
            _run(facts[run], catalogue, job, result, exposures[run]),
            valueless=valueless.get(run, {}),
            unjudged=unjudged.get(run, {}),
        )
        for run in sorted(exposures)
    )
    reasons = tuple(_reasons(catalogue, result, runs, job.selection.skipped_at_most))
    is_data = catalogue.kind is SampleKind.DATA
    selection = job.selection
    return Summary(
        verdict=Verdict.INCOMPLETE if reasons else Verdict.COMPLETE,
        reasons=reasons,
        is_data=is_data,
        has_truth=len(catalogue.claimed) < len(catalogue.good),
        blinding=Blinding.BLIND if is_data else Blinding.NOT_BLINDED,
        scope=scope,
        totals=_totals(runs, result, selection),
        runs=runs,
        selection=selection_facts(selection, job.plugin),
        boxes=tuple(box_facts(period, selection.search) for period in used),
        periods=tuple(period_facts(period, job.calibration) for period in used),
        histograms=histograms.describe(booking),
        files=_files(catalogue),
        warnings=(
            *catalogue.warnings,
            *missing_sums(job),
            *hidden_for_lack(catalogue, job, result.files, runs),
            *histograms.left_out(booking, result.tallies.values()),
            *warnings_of_valueless(selection, runs),
            *_of_calibration(job, catalogue),
            *(_not_packaged(used) if is_data else ()),
            *(f"{text}; what is hidden there does not count" for text in _shared(job)),
            *(f"run {run}: {text}{uncounted.get(run, '')}" for run, text in differing.items()),
            *_of_exposure([run for run in runs if run.run not in uncounted], known, job, reading, catalogue),
        ),
        failures=result.failures,
        identities=_identities(catalogue, job),
        valueless=in_all_runs(runs),
    )


def _of_calibration(job: Job, catalogue: Catalogue) -> Iterator[str]:
    """What is to be known of a calibration: of what it was made, and cells that it takes for bad."""
    if job.calibration is None:
        return
    made_of = job.calibration.made_of
    sample, kind = made_of.get("sample", "nothing that it says"), catalogue.kind.value
    if sample != kind:
        yield f"calibration: {job.calibration.name} was made of {sample}, and is used for {kind}"
    if (lost := made_of.get("not_read", "nothing")) != "nothing":
        yield f"calibration: what it was made of was not read as a whole: {lost}"
    yield from (f"calibration: {text}" for text in job.calibration.masked_cells(job.runs))


def _not_packaged(periods: Iterable[Period]) -> Iterator[str]:
    for name, lines in departures(periods).items():
        yield from (f"period {name}: {line}" for line in lines)


def _facts(number: int, catalogue: Catalogue, job: Job, periods: Mapping[str, Period]) -> RunFacts:
    return periods[job.runs[number].period].facts(number, catalogue.run_facts.get(number))


def _shared(job: Job) -> Iterator[str]:
    """Name regions that may hold events of a closed box; none of simulation."""
    return not_outside(job.selection.regions, job.closed_boxes)


def _run(
    facts: RunFacts, catalogue: Catalogue, job: Job, result: CampaignResult, exposure: Exposure
) -> RunAccounting:
    number = facts.run
    context, tally = job.runs[number], result.tallies[number]
    counts = {"recorded": result.recorded[number], "missing": result.missing_of(number), **tally.accounting}
    return RunAccounting(
        run=number,
        period=context.period,
        type=context.type.value,
        accounting=counts,
        eot_delivered=exposure.delivered,
        eot_live=exposure.live,
        identities=parts_of_run(catalogue, job, number),
        particle=facts.particle or "",
        energy=facts.energy or 0.0,
    )


def _exposure(number: int, catalogue: Catalogue, job: Job, reading: SpillReading, known: Known) -> Exposure:
    """Exposure of what was read; unknown if of any spill only a part was."""
    period, by_run = known[job.runs[number].period]
    spills = by_run.get(number, ())
    unread = reading.unread(number, (spill.spill for spill in spills))
    if unread is None or _lacks_spills(number, catalogue, job, reading):
        return UNKNOWN
    facts = _facts(number, catalogue, job, {period.name: period})
    return exposure_of_run(facts, spills, job.bad.of_run(number), unread=unread)


def _lacks_spills(number: int, catalogue: Catalogue, job: Job, reading: SpillReading) -> bool:
    """Whether spills of a run do not count, or may not, and its events do not say of which they are."""
    if number not in catalogue.runs_without_spills:
        return False
    is_listed = any(entry.spill is not None for entry in job.bad.of_run(number).entries)
    return is_listed or reading.may_lack(number)


def _reasons(
    catalogue: Catalogue, result: CampaignResult, runs: Iterable[RunAccounting], skipped_at_most: float
) -> Iterator[str]:
    missing = {run: n_events for run, n_events in result.missing.items() if n_events}
    if missing:
        n_events, n_runs = counted(sum(missing.values()), "recorded event"), counted(len(missing), "run")
        yield f"not read: {n_events} of {n_runs}"
    pending = sum(record.status is Status.PENDING for record in catalogue.unreviewed)
    if pending:
        yield f"pending: {counted(pending, 'file')}; na64 catalogue --update looks again"
    if pending < len(catalogue.unreviewed):
        n_files = counted(len(catalogue.unreviewed) - pending, "file")
        yield f"not read: {n_files}; nobody has reviewed why"
    if skipped := too_many_skipped(runs, skipped_at_most):
        yield skipped
    if result.failures:
        yield f"failed: {counted(len(result.failures), 'piece')} of work"


def _of_exposure(
    runs: Iterable[RunAccounting], known: Known, job: Job, reading: SpillReading, catalogue: Catalogue
) -> Iterator[str]:
    for run in runs:
        spills = known[run.period][1].get(run.run, ())
        unread = reading.unread(run.run, (spill.spill for spill in spills))
        if _lacks_spills(run.run, catalogue, job, reading):
            yield (
                f"run {run.run}: no {on_target(run.particle)} are stated, its events do not say of which "
                "spills they are and some spills do not count"
            )
        elif run.eot_delivered is None:
            why = _why_unknown(run, spills, unread, job.bad.of_run(run.run))
            yield f"run {run.run}: no {on_target(run.particle)} are stated, {why}"
        elif unread := (unread or frozenset()) & {spill.spill for spill in spills}:
            which = f"spills {to_ranges(unread)}"
            yield f"run {run.run}: {which} were not read, and their {on_target(run.particle)} do not count"


def _why_unknown(
    run: RunAccounting, spills: Iterable[SpillFacts], unread: frozenset[int] | None, bad: BadList
) -> str:
    if unread is None:
        return "part of a spill was not read"
    kept = kept_fractions(run.run, {spill.spill: spill for spill in spills}, bad, unread)
    if vague := [number for number, fraction in kept.items() if fraction is None]:
        return f"it is not stated what bad events leave of spill {vague[0]}"
    if unread:
        stated = unread & {spill.spill for spill in spills}
        named = f"spills {to_ranges(stated)}" if stated == unread else f"{len(unread)} of its spills"
        return f"there is no record of {named}, which were not read"
    return f"period {run.period} has no record of it"


def _totals(runs: tuple[RunAccounting, ...], result: CampaignResult, selection: Selection) -> dict[str, int]:
    stage = selection.cut_names.index(selection.yields_after) + 1
    totals: dict[str, int] = {}
    for run in runs:
        for name, count in run.accounting.items():
            totals[name] = totals.get(name, 0) + count
    tallies = list(result.tallies.values())
    totals["visible"] = sum(tally.visible for tally in tallies)
    totals["selected"] = sum(int(tally.passed()[0, -1]) for tally in tallies)
    for index, region in enumerate(selection.region_names, start=1):
        totals[region] = sum(int(tally.regions_after()[0, stage, index]) for tally in tallies)
    return totals


def _files(catalogue: Catalogue) -> FileFacts:
    not_read = [
        (record.name, f"reviewed: {record.accepted} ({record.reason})" if record.accepted else record.reason)
        for record in catalogue.files
        if not record.is_good
    ]
    return FileFacts(len(catalogue.files), len(catalogue.good), tuple(not_read))


def _identities(catalogue: Catalogue, job: Job) -> dict[str, str]:
    return {"catalogue": catalogue.identity, **parts_of_job(job)}
