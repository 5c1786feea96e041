"""Run files: those of a simulated campaign, and the catalogue of any."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

from na64.datasets.basics.addresses import file_name, is_url, public_url
from na64.datasets.basics.turns import turn
from na64.datasets.catalogue import build as files
from na64.datasets.catalogue.build import Catalogue
from na64.datasets.catalogue.claims import physics_runs_claimed
from na64.datasets.conditions.period_folder import check_environment, folder_of_environment
from na64.datasets.servers.patience import Patience
from na64.datasets.synthetic import simulation as campaigns
from na64.datasets.synthetic.campaign_reader import load_campaign
from na64.outputs.analysis.listening import Progress, Tell, no_progress, silent
from na64.outputs.result import messages
from na64.outputs.result.catalogue_log import log_catalogue


def simulate(
    campaign: str | Path,
    *,
    to: str | Path,
    events: int | None = None,
    seed: int | None = None,
    layout: str | Path | None = None,
    format: str = "ttree",  # noqa: A002
    progress: Progress = no_progress,
) -> list[Path]:
    """Run files of a simulated campaign, with conditions and a truth file beside them.

    Parameters
    ----------
    campaign : str or Path
        A packaged one, as ``demo`` or ``small``, or a TOML file.
    to : str or Path
        Folder, made if it is not there.
    events : int, optional
        Recorded events of all runs together; by default those of the campaign.
    seed : int, optional
        The same seed gives the same content.
    layout : str or Path, optional
        Name or TOML file of the branches that are written; by default that of the campaign.
    format : {"ttree", "rntuple", "parquet"}
    progress : callable
        Takes the numbers of events done and of all.

    Returns
    -------
    list of Path
        The run files, in order.

    Raises
    ------
    KeyError, ValueError, FileNotFoundError
        A campaign or layout that is not known, or that do not go together.

    Examples
    --------
    >>> [path.name for path in na64.simulate("small", to="data", events=500)]
    ['run_8701.root', 'run_8702_0.root', 'run_8702_1.root', 'run_8703.root']
    """
    described = load_campaign(campaign)
    total, done = events or described.n_events, 0
    progress(done, total)

    def on_block(n_events: int) -> None:
        nonlocal done
        done += n_events
        progress(done, total)

    return campaigns.simulate(
        described,
        to=Path(to),
        n_events=events,
        seed=seed,
        layout=layout,
        format=format,
        on_progress=on_block,
    )


def catalogue(
    paths: str | Path | Iterable[str | Path],
    *,
    to: str | Path,
    period: str | None = None,
    layout: str | Path | None = None,
    periods: str | Path | None = None,
    simulation: bool = False,
    update: bool = False,
    settled: float = 300.0,
    deadline: float = 60,
    accept: str | None = None,
    reason: str | None = None,
    workers: int = 1,
    progress: Progress = no_progress,
    tell: Tell = silent,
) -> Catalogue:
    """Catalogue of run files: their structure and what is known of their runs, no content of events.

    Parameters
    ----------
    paths : str, Path or several
        Files, folders, globs or URLs.
    to : str or Path
        ``.json`` that it is written to; what has to be known later is logged beside it.
    period : str, optional
        Files of another period are put in quarantine.
    layout : str or Path, optional
        Files of another layout are put in quarantine.
    periods : str or Path, optional
        Folder of periods of your own, which belong to the catalogue; by default ``$NA64_PERIODS``.
    simulation : bool
        The files are simulated: nothing in them will be hidden.
    update : bool
        Keep what is registered, add what is new.
    settled : float
        A ROOT file that was not closed is pending until so many s after its last change.
    deadline : float
        Longest time in s that a server may take for an answer.
    accept : str, optional
        A file in quarantine, by name or sha256, that was reviewed and stays out.
    reason : str, optional
        Why: with `accept`, or with `simulation` of physics runs that do not say what was simulated.
    workers : int
        Processes that look at local files, where there are many; a script with more than one starts itself
        again in each: what it does belongs under ``if __name__ == "__main__":``.
    progress : callable
        Takes the numbers of files done and of all.
    tell : callable
        Takes lines about what was registered.

    Returns
    -------
    na64.datasets.catalogue.build.Catalogue
        Complete if nothing is ``unreviewed``.

    Raises
    ------
    KeyError, ValueError, FileNotFoundError
        A period, layout or path that cannot be used, or a reason that is missing.

    Examples
    --------
    >>> na64.catalogue("data", to="2023.json").runs
    {8701: 209, 8702: 208, 8703: 83}
    """
    place, listed = Path(to), [paths] if isinstance(paths, str | Path) else list(paths)
    _check_reason(accept, reason, simulation=simulation)
    # Read and written by one at a time: what another has added meanwhile must not be lost.
    with turn(place.parent, place.name, "na64 catalogue", patience=math.inf):
        previous = files.load(place) if update or accept else None
        progress(0, 0)
        built = files.build(
            listed,
            simulation=simulation,
            period=period,
            layout=layout,
            previous=previous,
            folder=_period_folder(periods, previous, place, update=update),
            settled=settled,
            patience=Patience(deadline),
            accept={accept: reason or ""} if accept else None,
            workers=workers,
            progress=progress,
        )
        _check_claims(built, previous, reason)
        log_catalogue(built, place, reason=reason)  # first: what the log does not know must not be used
        files.save(built, place)
    for line in (*_of_secrets(listed), *messages.of_catalogue(built, place, built.known_periods())):
        tell(line)
    return built


def _of_secrets(paths: Iterable[str | Path]) -> Iterator[str]:
    """Lines on URLs a part of which is not kept, so that it is known before a job asks for them."""
    for path in map(str, paths):
        if is_url(path) and public_url(path) != path:
            yield (
                f"note: {file_name(path)}: user, password and query of its URL are not kept; "
                "a job takes them from the configuration of fsspec"
            )


def _check_reason(accept: str | None, reason: str | None, *, simulation: bool) -> None:
    if reason is not None and not reason.strip():
        raise ValueError("--reason is empty")
    if accept is not None and reason is None:
        raise ValueError("--accept and --reason go together")
    if reason is not None and accept is None and not simulation:
        raise ValueError("--reason goes with --accept or --simulation")


def _period_folder(
    periods: str | Path | None, previous: Catalogue | None, place: Path, *, update: bool
) -> Path | None:
    """Folder of the user's periods: the one given, the one known, or that of the environment."""
    if previous is None or periods is not None:
        return Path(periods) if periods is not None else folder_of_environment()
    check_environment(previous.periods, place)
    if not update:
        previous.known_periods()  # refuses other ones: only --update takes what has changed
    return None


def _check_claims(built: Catalogue, previous: Catalogue | None, reason: str | None) -> None:
    """Refuse that a physics run is called simulation without a word: its events would not be hidden."""
    claimed = physics_runs_claimed(built, built.known_periods(), previous)
    if claimed and reason is None:
        run, record = next(iter(claimed.items()))
        more = f" (and {len(claimed) - 1} more)" if len(claimed) > 1 else ""
        raise ValueError(
            f"{record.name}: does not say what was simulated, and run {run} is a physics run{more}: "
            "--simulation needs --reason"
        )
