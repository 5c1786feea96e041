"""Spills proposed for the bad list: by beam triggers alone, and in the form in which a bad list is read."""

from __future__ import annotations

from pathlib import Path

from na64.datasets.conditions.bad_spills import BadEntry, BadList
from na64.datasets.conditions.conditions import read_conditions
from na64.outputs.control.calibration.followed import BEAM, Place
from na64.outputs.control.calibration.monitoring import Monitoring, proposals_file, propose
from na64.outputs.control.calibration.outliers import Limit, Outlier


def outlier(run: int, spill: int | None, detector: str = BEAM) -> Outlier:
    cell = None if detector == BEAM else 4
    return Outlier(Place(run, spill, "p physics"), detector, cell, "share", 0.1, 0.9, -12.0)


FOUND = [outlier(8701, 3), outlier(8702, None), outlier(8702, 2, "ecal"), outlier(8703, 1), outlier(8701, 3)]


def test_beam_triggers_propose_spills_and_cells_and_runs_do_not() -> None:
    assert list(propose(FOUND, BadList())) == [(8701, 3), (8703, 1)]


def test_what_is_on_the_list_is_not_proposed() -> None:
    assert list(propose(FOUND, BadList((BadEntry(8703),)))) == [(8701, 3)]
    assert list(propose(FOUND, BadList((BadEntry(8701, 3),)))) == [(8703, 1)]
    part = BadList((BadEntry(8701, 3, 10, 20),))
    assert list(propose(FOUND, part)) == [(8701, 3), (8703, 1)]


def test_proposals_are_read_as_a_bad_list(tmp_path: Path) -> None:
    found = Monitoring((), (), Limit(1), (), (), propose(FOUND, BadList()))
    text = proposals_file(found)
    assert b"# share 0.1, usually 0.9 (z -12.0)" in text
    (tmp_path / "bad.csv").write_bytes(text)
    assert read_conditions(tmp_path).bad == BadList((BadEntry(8701, 3), BadEntry(8703, 1)))
