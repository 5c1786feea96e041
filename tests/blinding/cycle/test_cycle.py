"""A blind analysis from the first look to the opened box, and every way it is refused."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from na64.datasets.catalogue.build import load, save
from na64.datasets.conditions.bad_spills import BadEntry, BadList
from na64.outputs.result.audit_log import entries, verify
from na64.outputs.result.provenance import packages
from na64.run import main

pytestmark = pytest.mark.usefixtures("undrawn", "uncompared")


def truth(data: Path) -> dict[str, int]:
    """Events in the box after every cut, from the branches: no code of the package."""
    counts: dict[str, int] = {}
    for path in sorted(data.glob("*.root")):
        with uproot.open(path) as file:
            tree = {name: np.asarray(file["tout"][name].array(library="np")) for name in BRANCHES}

        def in_time(name: str, width: Any, tree: dict[str, Any] = tree) -> Any:
            return np.abs(tree[f"{name}_t0"] - tree[f"{name}_tE"]) < width

        n = len(tree["masterT"])
        hcal = np.where(tree["HCAL_ene"] > 0.2, tree["HCAL_ene"], 0).reshape(n, 36)
        ecal = (tree["ECAL_ene"] * in_time("ECAL", 3 * tree["ECAL_tSigma"])).reshape(n, -1).sum(axis=1)
        hcal_in_time = (hcal * in_time("HCAL", 16.5).reshape(n, 36))[:, :18].sum(axis=1)
        momentum = tree["mom_genfit_upMM"]
        steps = {
            "box": (ecal < 60) & (hcal_in_time < 1) & (tree["triggerSources"] & 4 != 0),
            "trigger": tree["triggerSources"] & 4 != 0,
            "master_time": (tree["masterT"] >= 86.5) & (tree["masterT"] <= 113.5),
            "momentum": (momentum > 90) & (momentum < 110),
            "vhcal": tree["VHCAL_ene"].reshape(n, -1).sum(axis=1) < 1.5,
            "hcal3": hcal[:, 27:].sum(axis=1) < 2,
        }
        left = np.ones(n, bool)
        for name, passed in steps.items():
            left &= passed
            counts[name] = counts.get(name, 0) + int(left.sum())
    return counts


BRANCHES = (
    *(f"{name}_{part}" for name in ("ECAL", "HCAL") for part in ("ene", "t0", "tE")),
    "ECAL_tSigma",
    "VHCAL_ene",
    "masterT",
    "triggerSources",
    "mom_genfit_upMM",
)


def test_a_full_cycle(campaign: Path, analysis: Any, capsys: pytest.CaptureFixture[str]) -> None:
    digest = analysis.freeze("--expected-limit", "2e-6")
    manifest = json.loads((analysis.result / "freeze.json").read_text())
    assert manifest["declared"]["background"] == "0.5 +- 0.2"
    assert manifest["frozen"]["selection"]["cuts"]["vhcal"] == ["vhcal_total < 1.5 GeV"]

    analysis.select("below = 1.5", "below = 15")
    assert analysis.unblind(digest) == 1
    assert "the stored result is of another selection" in capsys.readouterr().err
    analysis.process("--replace")
    assert analysis.unblind(digest) == 1
    refusal = capsys.readouterr().err
    assert (
        'selection.cuts.vhcal is ["vhcal_total < 15 GeV"], was frozen as ["vhcal_total < 1.5 GeV"]' in refusal
    )
    assert not (analysis.result / "unblinded.json").exists()

    analysis.select("", "")
    analysis.process("--replace")
    before = (analysis.result / "cutflow.csv").read_bytes()
    assert analysis.unblind(digest) == 0
    opened = analysis.opened()
    expected = truth(campaign / "data")
    assert {row["cut"]: row["passed"] for row in opened["cutflow"]} == expected
    assert expected["hcal3"] > 100
    assert opened["blinding"] == "unblinded"
    assert opened["record"]["approved_by"] == ["Ada", "Emmy"]
    assert sum(run["selected"] for run in opened["runs"].values()) == expected["hcal3"]
    assert (analysis.result / "cutflow.csv").read_bytes() == before

    passed = ["process", "processed"]
    expected_events = [*passed, "freeze", "refusal", "replace", *passed, "refusal"]
    expected_events += ["replace", *passed, "opening", "opened"]
    assert analysis.events() == expected_events
    capsys.readouterr()
    assert main(["audit", str(analysis.result)]) == 0
    timeline = capsys.readouterr().out
    assert "opening" in timeline
    assert "approved_by Ada and Emmy" in timeline

    data = analysis.log.read_bytes()
    for altered in (data.replace(b"ready", b"steady"), data[: data.rindex(b'{"details"')], b""):
        analysis.log.write_bytes(altered)
        assert main(["audit", str(analysis.result)]) == 1
        assert "ALTERED" in capsys.readouterr().out


def test_a_second_opening_needs_a_freeze_that_names_the_first(
    analysis: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    first = analysis.freeze()
    assert analysis.unblind(first) == 0
    assert analysis.unblind(first) == 1
    assert "100% of the box was opened already" in capsys.readouterr().err
    silent = analysis.freeze()
    assert analysis.unblind(silent) == 1
    assert f"opened before under the freeze {first}" in capsys.readouterr().err
    assert main(["freeze", str(analysis.result), "--after", "0" * 64]) == 1
    named = analysis.freeze("--after", first)
    assert analysis.unblind(named) == 0
    kept = list(analysis.result.glob("unblinded-*.json"))
    assert [json.loads(path.read_text())["record"]["freeze"] for path in kept] == [first]
    assert main(["audit", str(analysis.result)]) == 0


def test_stages_open_more_and_more_of_the_same_spills(analysis: Any) -> None:
    digest = analysis.freeze()
    counts = []
    for stage in ("0.3", "0.7", "1"):
        assert analysis.unblind(digest, "--stage", stage) == 0
        counts.append(analysis.opened()["cutflow"][0]["passed"])
    assert counts[0] < counts[1] < counts[2]
    assert analysis.unblind(digest, "--stage", "0.5") == 1


def test_a_freeze_states_what_the_limits_say(analysis: Any) -> None:
    analysis.limits("--background", "0.53+-0.17")
    path, line = analysis.result / "limits.json", ["freeze", str(analysis.result)]
    assert main([*line, "--expected-limit", "mine"]) == 0
    manifest = json.loads((analysis.result / "freeze.json").read_text())
    assert manifest["declared"]["background"] == "0.53 +- 0.17 events"
    assert manifest["declared"]["expected_limit"] == "mine"
    assert len(manifest["estimate"]["expected_limit"]["eps"]) == 3
    assert manifest["estimate"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert main(line) == 0
    manifest = json.loads((analysis.result / "freeze.json").read_text())
    assert re.fullmatch(r"\d\.\d+ events \(median\) at 90% CL", manifest["declared"]["expected_limit"])


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def _flip_a_bit(analysis: Any) -> None:
    data = analysis.folder / "data"
    original = data.resolve()
    data.unlink()
    shutil.copytree(original, data)
    path = data / "run_8722.root"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _add_a_bad_run(analysis: Any) -> None:
    path = analysis.folder / "catalogue.json"
    save(replace(load(path), bad=BadList((BadEntry(8721),))), path)


CHANGES: dict[str, tuple[Callable[[Any], None], str]] = {
    "manifest": (lambda a: _edit(a.result / "freeze.json", "0.5 +- 0.2", "2.5 +- 0.2"), "freeze.json is "),
    "no manifest": (lambda a: (a.result / "freeze.json").unlink(), "nothing was frozen here"),
    "product": (lambda a: _edit(a.result / "cutflow.csv", "8721", "8799"), "cutflow.csv is not the one"),
    "catalogue": (
        lambda a: _edit(a.folder / "catalogue.json", '"tout2023"', '"hits"'),
        "it was edited after it was written",
    ),
    "another catalogue": (_add_a_bad_run, "the stored result is of another catalogue"),
    "run file": (_flip_a_bit, "run_8722.root has another content than it was registered with"),
    "log": (lambda a: _edit(a.log, '"process"', '"nothing"'), "its content does not have its hash"),
    "no log": (lambda a: a.log.unlink(), "is gone"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_is_changed_after_the_freeze_is_refused(
    analysis: Any, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    change, message = CHANGES[name]
    digest = analysis.freeze()
    change(analysis)
    assert analysis.unblind(digest) == 1
    errors = capsys.readouterr().err
    assert message in errors
    assert len(errors.strip().splitlines()) == 1
    assert not (analysis.result / "unblinded.json").exists()
    if not verify(analysis.log):
        assert analysis.events()[-1] == "refusal"


def test_the_manifest_of_an_opened_box_is_kept_when_another_is_frozen(analysis: Any) -> None:
    never_opened = analysis.freeze()
    first = analysis.freeze()
    manifest = (analysis.result / "freeze.json").read_bytes()
    assert analysis.unblind(first) == 0
    second = analysis.freeze("--after", first)
    assert (analysis.result / f"freeze-{first[:12]}.json").read_bytes() == manifest
    assert not (analysis.result / f"freeze-{never_opened[:12]}.json").exists()
    assert analysis.unblind(second) == 0
    assert main(["audit", str(analysis.result)]) == 0


@pytest.mark.parametrize("by", [("Ada",), ("Ada", "ada"), ("Ada", " "), ("Ada", " Ada ")])
def test_two_people_must_approve(analysis: Any, by: tuple[str, ...]) -> None:
    assert analysis.unblind(analysis.freeze(), by=by) == 1
    assert analysis.events()[-1] == "refusal"
    assert not (analysis.result / "unblinded.json").exists()


def test_other_code_or_packages_are_refused(
    analysis: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = analysis.freeze()
    monkeypatch.setattr("na64.outputs.blinding.freeze.packages", lambda: packages() | {"numpy": "0.1"})
    assert analysis.unblind(digest) == 1
    assert 'packages.numpy is "0.1", was frozen as' in capsys.readouterr().err


def test_only_a_complete_result_of_data_can_be_frozen(
    campaign: Path, analysis: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = analysis.folder / "other"
    catalogue, result = folder / "catalogue.json", folder / "out"
    options = ["--selection", "dimuon_2023", "--to", str(result), "--executor", "iterative", "--no-report"]
    assert main(["catalogue", str(campaign / "data"), "--to", str(catalogue), "--simulation"]) == 0
    assert main(["process", str(catalogue), *options]) == 0
    assert not (folder / "audit.jsonl").exists()
    assert main(["freeze", str(result)]) == 1
    assert "simulation is not blind" in capsys.readouterr().err
    assert (
        main(["process", str(analysis.folder / "catalogue.json"), *options, "--limit", "10", "--replace"])
        == 1
    )
    assert main(["freeze", str(result)]) == 1
    assert "the stored result is incomplete" in capsys.readouterr().err


def test_a_head_kept_elsewhere_shows_a_cut_log(analysis: Any, capsys: pytest.CaptureFixture[str]) -> None:
    analysis.freeze()
    head = str(entries(analysis.log)[-1]["hash"])
    assert main(["audit", str(analysis.log), "--head", head]) == 0
    analysis.log.write_bytes(b"".join(analysis.log.read_bytes().splitlines(keepends=True)[:-1]))
    assert main(["audit", str(analysis.log)]) == 0
    assert main(["audit", str(analysis.log), "--head", head]) == 1
    assert f"the line with hash {head} is gone" in capsys.readouterr().out
    assert main(["audit", str(analysis.folder / "nowhere")]) == 2
