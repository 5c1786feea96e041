"""User code gets plain arrays of visible events, and its errors say nothing about them."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from na64.datasets.instrument.features import Feature
from na64.processors.features.plugin import Plugin, PluginError, load_plugin

HEAD = "from na64.processors.features.plugin import feature\n"
MISSING_ENERGY = """
@feature(name="missing_energy", unit="GeV")
def missing_energy(event):
    "What the beam had and the calorimeters have not."
    return 100 - event["ecal"] - event["hcal"]
"""
NAMES = ("ecal", "hcal")
VALUES = np.array([[10, 20], [1, 2]], np.float32)


def plugin(*functions: str) -> Plugin:
    return Plugin("my.py", HEAD + "".join(functions))


def body(line: str) -> Plugin:
    return plugin(f'@feature(name="new", unit="1")\ndef new(event):\n    {line}\n')


def test_a_new_variable_takes_five_lines(tmp_path: Path) -> None:
    path = tmp_path / "my.py"
    path.write_text(HEAD + MISSING_ENERGY)
    loaded = load_plugin(path)
    meaning = "What the beam had and the calorimeters have not."
    assert loaded.features == {"missing_energy": Feature("missing_energy", "GeV", meaning)}
    assert loaded.compute(VALUES, NAMES).tolist() == [[89, 78]]
    assert loaded.compute(VALUES, NAMES).dtype == np.float32


def test_a_feature_may_use_those_above_it() -> None:
    twice = '@feature(name="twice", unit="GeV")\ndef twice(event):\n    return 2 * event["missing_energy"]\n'
    assert plugin(MISSING_ENERGY, twice).compute(VALUES, NAMES).tolist() == [[89, 78], [178, 156]]


def test_no_event_is_no_problem() -> None:
    assert plugin(MISSING_ENERGY).compute(VALUES[:, :0], NAMES).shape == (1, 0)


def test_flags_and_integers_become_numbers() -> None:
    assert body('return event["ecal"] > 15').compute(VALUES, NAMES).tolist() == [[0, 1]]


def test_a_division_by_zero_is_the_users_business() -> None:
    assert body('return event["ecal"] / 0').compute(VALUES, NAMES).tolist() == [[np.inf, np.inf]]


def test_a_plugin_survives_the_way_to_a_worker() -> None:
    one = plugin(MISSING_ENERGY)
    assert pickle.loads(pickle.dumps(one)).compute(VALUES, NAMES).tolist() == [[89, 78]]  # noqa: S301 (bytes made in this line)
    assert one.identity == plugin(MISSING_ENERGY).identity != plugin(MISSING_ENERGY, "_MORE = 1\n").identity


@pytest.mark.parametrize("line", ['event["ecal"][0] = 5', 'event["ecal"] = 5', 'del event["ecal"]'])
def test_what_the_user_gets_cannot_be_changed(line: str) -> None:
    values = VALUES.copy()
    with pytest.raises(PluginError, match="in line 4"):
        body(line).compute(values, NAMES)
    assert values.tolist() == VALUES.tolist()


def test_an_error_names_file_feature_and_line_but_no_value_of_an_event() -> None:
    wrong = body('raise ValueError(f"event with {event["ecal"][0]} GeV")'.replace('"ecal"', "'ecal'"))
    with pytest.raises(PluginError) as caught:
        wrong.compute(VALUES, NAMES)
    assert str(caught.value) == "plug-in my.py, feature new: ValueError in line 4"
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("return 5", "returned int64 0-d"),
        ('return event["ecal"][:1]', r"returned float32 1-d of another length"),
        ('return event["ecal"] * 1j', "returned complex64 1-d"),
        ('return event["nothing"]', 'KeyError "nothing" in line 4$'),
        ('raise KeyError("e" + str(int(event["ecal"][0])))', "feature new: KeyError in line 4$"),
        ('raise KeyError(event["ecal"][0])', "feature new: KeyError in line 4$"),
        ("pass", "returned object 0-d"),
    ],
)
def test_what_is_not_one_number_an_event_is_refused(line: str, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        body(line).compute(VALUES, NAMES)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "no function has @feature"),
        ("def f(:\n", "SyntaxError in line 2"),
        ("import nothing_of_that_name\n", "ModuleNotFoundError in line 2: No module"),
        ('@feature(name="ecal", unit="GeV")\ndef f(event): ...\n', 'feature "ecal": expected an identifier'),
        ('@feature(name="a b", unit="GeV")\ndef f(event): ...\n', 'feature "a b": expected an identifier'),
        (
            '@feature(name="new", unit="gev")\ndef f(event): ...\n',
            'unknown unit "gev", nearest known is "GeV"',
        ),
        ('@feature(name="new", unit="MeV")\ndef f(event): ...\n', 'is not a base unit, expected "GeV"'),
        (
            MISSING_ENERGY + MISSING_ENERGY.replace("def m", "def another_m"),
            "missing_energy is defined twice",
        ),
    ],
)
def test_a_plugin_that_cannot_be_used_is_refused_with_its_reason(
    tmp_path: Path, source: str, message: str
) -> None:
    path = tmp_path / "my.py"
    path.write_text(HEAD + source)
    with pytest.raises(PluginError, match=message) as caught:
        load_plugin(path)
    assert "my.py" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_plugin_that_is_no_text_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "my.py").write_bytes(b"\xff")
    with pytest.raises(PluginError, match=r"^plug-in my\.py: 'utf-8' codec can't decode byte 0xff"):
        load_plugin(tmp_path / "my.py")


@pytest.mark.parametrize("code", ["0", "", "'bye'"])
def test_a_plugin_that_ends_the_program_is_refused_and_never_a_success(code: str) -> None:
    with pytest.raises(PluginError, match=r"^plug-in my\.py: SystemExit in line 2"):
        _ = Plugin("my.py", f"{HEAD}raise SystemExit({code})\n").features
    with pytest.raises(PluginError, match=r"^plug-in my\.py, feature new: SystemExit in line 4$"):
        body(f"raise SystemExit({code})").compute(VALUES, NAMES)
