"""The check of files before a job: side by side, within a time, tried again where that may help."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from na64.datasets.catalogue.build import FileRecord, verify
from na64.datasets.catalogue.rechecking import cause
from na64.datasets.servers.patience import ANSWER, NoAnswerError, Patience, side_by_side, within
from na64.processors.execution.tasks import is_transient

_ATTEMPTS = 3
_PAUSE = 0.5


def check_files(
    records: Sequence[FileRecord],
    *,
    deadline: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, str]:
    """Find the files that are not any more what was registered, or that no storage gives.

    Parameters
    ----------
    records : sequence of FileRecord
    deadline : float, s, optional
        For one file; a minute at most.
    progress : callable, optional
        Called with the number of files done and the number of all.

    Returns
    -------
    dict of str to str
        Why a file cannot be used, by path, in the order of the records.
    """
    limit = min(deadline or ANSWER, ANSWER)
    reasons: dict[str, str] = {}
    for done, (record, reason) in enumerate(side_by_side(lambda one: _fault(one, limit), records), start=1):
        reasons[record.path] = reason
        if progress is not None:
            progress(done, len(records))
    return {record.path: reasons[record.path] for record in records if reasons[record.path]}


def _fault(record: FileRecord, limit: float) -> str:
    """Reason why a file cannot be used; empty if it can."""
    try:
        within(limit, lambda: _verify(record, Patience(limit)))
    except NoAnswerError as error:
        return f"{record.name}: {error}"
    except OSError as error:
        return f"{record.name}: cannot be read: {cause(error)}"
    except ValueError as error:
        return str(error) or f"{record.name}: {type(error).__name__}"
    return ""


def _verify(record: FileRecord, patience: Patience) -> None:
    for left in reversed(range(_ATTEMPTS)):
        try:
            verify(record, patience)
        except OSError as error:
            if not left or not is_transient(error):
                raise
            time.sleep(_PAUSE * 4 ** (_ATTEMPTS - 1 - left))
        else:
            return
