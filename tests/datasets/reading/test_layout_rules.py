from __future__ import annotations

import numpy as np
import pytest

from na64.datasets.reading.layout import LAYOUTS, Layout, load_layout, parse_layout
from na64.datasets.reading.layout_rules import check_keys, check_numbers, check_of_data
from na64.datasets.reading.stored import BadFileError

HEAD = 'name = "mine"\ntrees = ["t"]\n[event]\n'


def layout_of(**event: str) -> Layout:
    keys = {"run": "R", "spill": "S", "event": "E"} | event
    lines = [f'{column} = {{ branch = "{branch}" }}\n' for column, branch in keys.items()]
    return parse_layout(HEAD + "".join(lines) + DETECTOR, "mine.toml")


DETECTOR = """
[srd]
kind = "hits"
cell = { branch = "Cells" }
energy = { branch = "Energies", unit = "GeV" }
"""


@pytest.mark.parametrize("name", LAYOUTS)
def test_packaged_layouts_keep_the_rules(name: str) -> None:
    check_keys(load_layout(name))


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"run": "mpStraw3X"}, r'branch "mpStraw3X" cannot be run, it is straw3_x of layout tout2023'),
        ({"spill": "triggerSources"}, r"cannot be spill, it is trigger of layout"),
        ({"run": "hcal_cell[0]"}, r'"hcal_cell\[0\]" cannot be run, it is hcal_cell of layout hits'),
        ({"run": "truth_component"}, r"cannot be run, it is truth_component"),
        ({"run": "spilleventtN"}, r"cannot be run, it is event of layout tout2023"),
        ({"event": "spillN"}, r"cannot be event, it is spill of layout tout2023"),
        ({"run": "X", "straw3_x": "X"}, r'layout mine: branch "X" cannot be run and straw3_x'),
        ({"spill": "X", "trigger": "X"}, r"cannot be spill and trigger: hidden events are counted by spill"),
        ({"spill": "R"}, r"cannot be run and spill"),
        ({"spill": "I[1]", "straw3_x": "I"}, r"cannot be spill and straw3_x"),
        ({"spill": "I[1]", "straw3_x": "I[1]"}, r"cannot be spill and straw3_x"),
        ({"run": "Cells[2]"}, r"cannot be run and srd_cell"),
        ({"spill": "mpStraw3X.mpStraw3X"}, r"cannot be spill, it is straw3_x of layout tout2023"),
        ({"spill": "mpStraw3X.leaf"}, r"cannot be spill, it is straw3_x of layout tout2023"),
        ({"run": "ev/mpStraw3X"}, r"cannot be run, it is straw3_x of layout tout2023"),
        ({"run": "ev.triggerSources[3]"}, r"cannot be run, it is trigger of layout"),
        ({"spill": "X.X", "straw3_x": "X"}, r"cannot be spill and straw3_x"),
        ({"spill": "X", "straw3_x": "X.leaf"}, r"cannot be spill and straw3_x"),
        ({"spill": "X", "straw3_x": "ev/X"}, r"cannot be spill and straw3_x"),
    ],
)
def test_what_is_measured_cannot_be_a_run_or_a_spill(event: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_keys(layout_of(**event))


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"run": "head.N", "spill": "spill.N", "event": "ev.N"},
        {"run": "runN.runN"},
        {"run": "ev/runN", "spill": "ev/spillN", "event": "ev/spilleventtN"},
        {"run": "I[0]", "spill": "I[1]", "event": "I[2]", "straw3_x": "I[3]"},
        {"run": "runN"},
    ],
)
def test_branches_of_their_own_are_allowed(event: dict[str, str]) -> None:
    check_keys(layout_of(**event))


@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize("key", ["run", "spill", "event"])
def test_no_layout_takes_floats_for_them(key: str, kind: str) -> None:
    text = load_layout("tout2023").text
    branch = {"run": "runN", "spill": "spillN", "event": "spilleventtN"}[key]
    with pytest.raises(ValueError, match=f'unknown type "{kind}"'):
        parse_layout(text.replace(f'"{branch}"', f'"{branch}", types = ["{kind}"]'), "mine.toml")


def numbers(n_events: int = 1000) -> dict[str, np.ndarray]:
    return {"run": np.full(n_events, 8701), "spill": np.arange(n_events) // 100}


def test_numbers_recorded_at_a_stretch_are_runs_and_spills() -> None:
    several = {"run": np.repeat([8701, 8702, 8701, 8703], 250), "spill": np.arange(1000) // 50 % 3}
    for event in (numbers(), numbers(1), several, {name: array[::-1] for name, array in several.items()}):
        check_numbers(layout_of(), event)


@pytest.mark.parametrize("key", ["run", "spill"])
@pytest.mark.parametrize("share", [0.5, 0.1])
def test_numbers_that_change_from_event_to_event_are_none(key: str, share: float) -> None:
    random = np.random.default_rng(3)
    event = numbers() | {key: (random.random(1000) < share).astype(np.int64)}
    with pytest.raises(
        BadFileError, match=rf'branch "{key[0].upper()}" is no {key}: its number comes back \d+ times'
    ):
        check_numbers(layout_of(), event)
    known = {"run": "runN", "spill": "spillN"}
    check_numbers(layout_of(**known), event)


def test_few_events_say_nothing() -> None:
    check_numbers(layout_of(), {"run": np.arange(49) % 2, "spill": np.zeros(49, np.int64)})


OWN = """
n_hits = { branch = "N", unit = "1", meaning = "hits" }
[feature]
hcal_0 = { branch = "H[0]", unit = "GeV" }
"""


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"run": "N"}, r'branch "N" cannot be run and n_hits: hidden events are counted by run'),
        ({"spill": "N"}, r'branch "N" cannot be spill and n_hits'),
        ({"spill": "ev.N"}, r"cannot be spill and n_hits"),
        ({"event": "N"}, r"cannot be event and n_hits"),
        ({"spill": "H[0]"}, r"cannot be spill and hcal_0"),
        ({"run": "H"}, r"cannot be run and hcal_0"),
    ],
)
def test_what_cuts_act_on_by_a_name_of_ones_own_cannot_be_a_run_or_a_spill(
    event: dict[str, str], message: str
) -> None:
    keys = {"run": "R", "spill": "S", "event": "E"} | event
    lines = "".join(f'{column} = {{ branch = "{branch}" }}\n' for column, branch in keys.items())
    check_keys(layout_of())
    with pytest.raises(ValueError, match=message):
        check_keys(parse_layout(HEAD + lines + OWN, "mine.toml"))


@pytest.mark.parametrize("column", ["run", "trigger"])
def test_data_have_no_run_and_no_trigger_by_decree(column: str) -> None:
    lines = {
        "run": "run = { branch = 'R' }",
        "spill": "spill = { value = 0 }",
        "event": "event = { branch = 'E' }",
    }
    check_of_data(parse_layout(HEAD + "\n".join(lines.values()), "mine.toml"))
    lines[column] = f"{column} = {{ value = 2 }}"
    layout = parse_layout(HEAD + "\n".join(lines.values()), "mine.toml")
    check_keys(layout)
    with pytest.raises(
        ValueError, match=rf"layout mine: {column} is 2 in all events, which only simulation may"
    ):
        check_of_data(layout)
