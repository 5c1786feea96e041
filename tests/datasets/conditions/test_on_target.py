"""Particles on target, kind by kind."""

from __future__ import annotations

import pytest

from na64.datasets.conditions.on_target import (
    PARTICLES,
    KindExposure,
    add_by_kind,
    exposure_label,
    on_target,
    only_beam,
    only_kind,
)


def test_every_particle_has_a_unit_of_its_own() -> None:
    labels = [exposure_label(particle) for particle in PARTICLES]
    assert len(set(labels)) == len(PARTICLES)
    assert [exposure_label(p) for p in ("e-", "e+", "mu-", "pi-")] == ["EOT", "e+OT", "MOT", "piOT"]
    assert on_target("e+") == "positrons on target"


def test_kinds_are_added_each_for_itself() -> None:
    runs = [("e-", 1e9, 0.9e9), ("e+", 2e9, None), ("e-", 3e9, None), ("mu-", None, None)]
    assert add_by_kind(runs) == (
        KindExposure("e-", 4e9, 0.9e9),
        KindExposure("e+", 2e9, None),
        KindExposure("mu-", None, None),
    )
    assert add_by_kind([]) == ()


def test_several_kinds_are_refused_by_name() -> None:
    assert only_kind(["e-", "e-"], "x") == "e-"
    assert only_kind([], "x") == ""
    with pytest.raises(ValueError, match="x: electrons on target and muons on target are not added"):
        only_kind(["e-", "mu-", "e-"], "x")


def test_beams_of_several_energies_are_refused_and_unknown_ones_are_not_compared() -> None:
    assert only_beam([("e-", 100.0), ("e-", 0.0)], "x") == ("e-", 100.0)
    assert only_beam([], "x") == ("", 0.0)
    with pytest.raises(ValueError, match="x: beams of 100 GeV and 150 GeV are not added to each other"):
        only_beam([("e-", 150.0), ("e-", 100.0)], "x")
    with pytest.raises(ValueError, match="electrons on target and muons on target are not added"):
        only_beam([("e-", 100.0), ("mu-", 100.0)], "x")
