"""Campaigns of mesons that decay to nothing, in the beam and the set-up of a period of hadrons."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from na64.datasets.conditions.own_period import stated_runs_text
from na64.datasets.conditions.periods import Period, load_periods
from na64.datasets.synthetic.campaign import Trigger
from na64.datasets.synthetic.component_kinds import ComponentKind
from na64.outputs.signal.charge_exchange import mesons, transfers
from na64.outputs.signal.efficiency.alp_injection import Wanted
from na64.outputs.signal.efficiency.meson_injection import meson_campaign, meson_energies
from na64.run import main

pytestmark = pytest.mark.usefixtures("undrawn")

WANTED = Wanted("hadron", "pions", 0.0, math.inf)


@pytest.fixture(scope="module")
def periods(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("periods")
    for name, first in (("2023H", 9301), ("2023K", 9351)):
        (folder / f"{name}.toml").write_text(stated_runs_text(name, first, first + 9, "test"))
    return folder


@pytest.fixture(scope="module")
def known(periods: Path) -> dict[str, Period]:
    return dict(load_periods(periods))


@pytest.mark.parametrize(("name", "particle", "run"), [("2023H", "pi-", 9301), ("2023K", "K-", 9351)])
def test_a_campaign_of_mesons_has_the_beam_and_a_run_of_its_period(
    name: str, particle: str, run: int, known: dict[str, Period]
) -> None:
    campaign = meson_campaign((45.0, 55.0), WANTED, period=known[name])
    (signal,) = campaign.components
    assert (signal.kind, signal.trigger, signal.bias) == (ComponentKind.CHARGE_EXCHANGE, Trigger.BEAM, 1.0)
    assert (campaign.beam.particle, campaign.beam.energy) == (particle, 50.0)
    assert [one.run for one in campaign.runs] == [run]
    assert meson_energies(known[name]) == pytest.approx((45.0, 55.0))


def test_beams_and_energies_that_no_meson_has_are_refused(known: dict[str, Period]) -> None:
    for other in (
        replace(known["2023H"], beam_particle="p"),
        replace(known["2023H"], beam_energy=100.0),
        known["2022"],
    ):
        with pytest.raises(ValueError, match=r"no mesons of its beam, .*: there are pi- of 50 GeV and K- of"):
            meson_campaign((10.0, 200.0), WANTED, period=other)
    with pytest.raises(ValueError, match="no meson of pi- of 50 GeV has between 60 and 70 GeV"):
        meson_campaign((60.0, 70.0), WANTED, period=known["2023H"])


def test_the_nucleon_takes_what_the_momentum_transfer_gives_it() -> None:
    """The mean of |t| / 2 m over pi0, eta and eta' is 0.05 to 0.1 GeV; what is simulated is the largest."""
    (signal,) = meson_campaign((45.0, 55.0), WANTED, period=_stated()).components
    t = np.linspace(0, 6, 6001)
    taken = [
        float((t * transfers(meson, t, 50.0)).sum()) * 1e-3 / (2 * 0.938)
        for name, meson in mesons().items()
        if name in ("pi0", "eta", "eta_prime")
    ]
    assert (min(taken), max(taken)) == pytest.approx((0.055, 0.099), rel=0.02)
    assert signal.parameters["recoil"] == pytest.approx(max(taken), rel=0.05)


def _stated() -> Period:
    return replace(load_periods()["2023H"], runs=((9301, 9310),))


def test_a_period_without_runs_and_options_of_others_are_refused_in_one_line(
    tmp_path: Path, periods: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = ["--to", str(tmp_path / "e.csv")]
    assert main(["efficiency", "--search", "hadron", "--selection", "hadron_50", *to]) == 2
    assert "period 2023H has no runs: state them in a copy of it" in capsys.readouterr().err
    own = ["--periods", str(periods), "--period", "2023K"]
    assert main(["efficiency", "--search", "hadron", "--selection", "hadron_50", *own, *to]) == 2
    assert "counts nothing in the box of search hadron in period 2023K: pions in" in capsys.readouterr().err
    line = ["efficiency", "--search", "alp", "--selection", "alp_2018", "--period", "2018", *to]
    assert main(line) == 2
    assert "--period: not with --search alp, whose particles" in capsys.readouterr().err
    assert main(["efficiency", "--variant", "flat", *to]) == 2
    assert "--variant flat: is of searches whose particles" in capsys.readouterr().err
