from __future__ import annotations

import json
from typing import Any

import pytest

import na64
from na64.datasets.basics.json_records import to_json
from na64.outputs.result.provenance import PACKAGES, anonymous, provenance

CANARY = "canary-b7c1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/alice/run.root", "run.root"),
        ("truncated: /eos/na64/2023/run_8700.root, events 0 to 5", "truncated: run_8700.root, events 0 to 5"),
        ("--to=/home/alice/out", "--to=out"),
        ("~/data/cat.json", "cat.json"),
        ("../alice/cat.json", "cat.json"),
        ("data/cat.json", "data/cat.json"),
        ("root://alice@eos.cern.ch//eos/na64/r.root?authz=TOKEN", "root:r.root"),
        ("tcp://10.1.2.3:8786", "tcp:"),
        ("8396-8458,8500", "8396-8458,8500"),
        ("0.5 / 2 GeV, 10 MeV/c", "0.5 / 2 GeV, 10 MeV/c"),
    ],
)
def test_folders_hosts_and_queries_are_taken_out(text: str, expected: str) -> None:
    assert anonymous(text) == expected


def test_known_paths_with_spaces_are_taken_out() -> None:
    text = "/home/al ice/my run.root: truncated"
    assert anonymous(text, ["/home/al ice/my run.root"]) == "my run.root: truncated"


def test_everything_that_made_it_and_nothing_about_who(case: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USER", "HOME", "X509_USER_PROXY", "BEARER_TOKEN"):
        monkeypatch.setenv(name, f"/{CANARY}/{name}")
    made_by = provenance(
        command=["process", f"/{CANARY}/cat.json", "--scheduler", f"tcp://{CANARY}:1", "--runs", "8700"],
        inputs={"ab" * 32: f"/{CANARY}/run_8700.root"},
        summary=case.facts,
    )
    text = to_json(made_by).decode()
    assert CANARY not in text
    plain = json.loads(text)
    assert plain["version"] == na64.__version__
    assert plain["command"] == "na64 process cat.json --scheduler tcp: --runs 8700"
    assert plain["inputs"] == {"ab" * 32: "run_8700.root"}
    assert plain["selection"]["identity"] == case.selection.identity
    assert plain["periods"]["2023A"] == [["beam.energy", "100", "GeV", "[V: JINR]"]]
    assert set(plain["packages"]) == set(PACKAGES)
    assert len(plain["code"]) == 64
