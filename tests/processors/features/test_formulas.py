from __future__ import annotations

import math
import operator
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from na64.datasets.instrument.formula import Formula
from na64.processors.features.formulas import compute_formulas

F32 = np.float32
CONSTANTS = {"beam_energy": 100.0}
NUMBERS = st.sampled_from([0.0, 1.0, -2.0, 0.5, 3.25, 1e30, math.inf, math.nan]) | st.floats(width=32)


def compute(text: str, **rows: list[float]) -> list[float]:
    known = {name: np.array(row, F32) for name, row in rows.items()}
    n_events = len(next(iter(known.values())))
    (row,) = compute_formulas((Formula("x", "1", text, ""),), known, CONSTANTS, n_events)
    assert row.dtype == F32
    return [float(value) for value in row]


Twin = Callable[[float, float], float]
Pair = tuple[str, Twin]


def divided(x: float, y: float) -> float:
    return float(np.float64(x) / np.float64(y))


def root(x: float) -> float:
    return math.sqrt(x) if x >= 0 else math.nan


def strictly(function: Callable[..., float]) -> Callable[..., float]:
    """Of what is not a number, nothing is known."""
    return lambda *given: math.nan if any(map(math.isnan, given)) else float(function(*given))


Function = Callable[..., float]
SIGNS: dict[str, Function] = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": divided}
COMPARED: dict[str, Function] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
COMPARED |= {"==": operator.eq, "!=": operator.ne}
LOGIC: dict[str, Function] = {"and": lambda x, y: bool(x) and bool(y), "or": lambda x, y: bool(x) or bool(y)}
CALLED: dict[str, Function] = {
    "min": min,
    "max": max,
    "atan2": math.atan2,
    "hypot": lambda x, y: root(x * x + y * y),
}
SINGLE: dict[str, Function] = {"sqrt": root, "abs": abs, "-": operator.neg, "not ": operator.not_}
POWERS: dict[str, Function] = {
    "2": lambda x: x * x,
    "3": lambda x: x * x * x,
    "-1": lambda x: divided(1, x),
    "0.5": root,
}


def joined(name: str, one: Pair, other: Pair) -> Pair:
    between = {**SIGNS, **COMPARED, **LOGIC}
    function = between.get(name) or CALLED[name]
    if name not in SIGNS:
        function = strictly(function)
    text = f"({one[0]} {name} {other[0]})" if name in between else f"{name}({one[0]}, {other[0]})"
    return text, lambda a, b: function(one[1](a, b), other[1](a, b))


def applied(name: str, one: Pair) -> Pair:
    if name in POWERS:
        return f"({one[0]})**{name}", lambda a, b: POWERS[name](one[1](a, b))
    function = strictly(SINGLE[name])
    return f"({name}({one[0]}))", lambda a, b: function(one[1](a, b))


def chosen(one: Pair, two: Pair, three: Pair) -> Pair:
    def choose(a: float, b: float) -> float:
        condition = one[1](a, b)
        return math.nan if math.isnan(condition) else two[1](a, b) if condition else three[1](a, b)

    return f"where({one[0]}, {two[0]}, {three[0]})", choose


LEAVES: list[Pair] = [
    ("a", lambda a, _: a),
    ("b", lambda _, b: b),
    ("0.5", lambda *_: 0.5),
    ("beam_energy", lambda *_: 100.0),
]
FORMULAS = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        st.builds(joined, st.sampled_from([*SIGNS, *COMPARED, *LOGIC, *CALLED]), inner, inner),
        st.builds(applied, st.sampled_from([*SINGLE, *POWERS]), inner),
        st.builds(chosen, inner, inner, inner),
    ),
    max_leaves=8,
)


@given(FORMULAS, st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=9))
def test_every_event_is_what_python_makes_of_it(pair: Pair, events: list[tuple[float, float]]) -> None:
    text, twin = pair
    found = compute(text, a=[a for a, _ in events], b=[b for _, b in events])
    with np.errstate(all="ignore"):
        for one, (a, b) in zip(found, events, strict=True):
            expected = float(F32(twin(float(F32(a)), float(F32(b)))))
            assert one == pytest.approx(
                expected if math.isfinite(expected) else math.nan, rel=1e-6, nan_ok=True
            )


def test_nothing_is_known_of_what_is_not_a_number() -> None:
    for text in ("a > 1", "not (a > 1)", "where(a > 1, 5, 6)", "min(a, 2)", "a == a", "(a > 1) or (b > 1)"):
        assert math.isnan(compute(text, a=[math.nan], b=[2.0])[0])


def test_inside_is_float64_and_the_end_is_rounded_once() -> None:
    big, small = 16_777_216.0, 1.0
    assert compute("a + b - a", a=[big], b=[small]) == [1.0]
    assert compute("a / 3", a=[1.0]) == [float(F32(1 / 3))]


@pytest.mark.parametrize("text", ["a / b", "sqrt(a - 2)", "a * 1e200 * 1e200", "a * 1e39", "-a / b"])
def test_a_result_that_is_no_finite_number_is_none(text: str) -> None:
    assert math.isnan(compute(text, a=[1.0], b=[0.0])[0])
    assert compute("a / b > 5", a=[1.0], b=[0.0]) == [1.0]


def test_the_branch_that_is_not_taken_does_not_count() -> None:
    assert compute("where(b > 0, a / b, -1)", a=[4.0, 4.0], b=[2.0, 0.0]) == [2.0, -1.0]


def test_a_formula_of_formulas_and_of_the_period() -> None:
    rows = {"ecal": np.array([60.0, 20.0], F32)}
    made = (
        Formula("missing", "GeV", "beam_energy - ecal", ""),
        Formula("half", "GeV", "missing / 2 + 500 * MeV", ""),
    )
    found = compute_formulas(made, rows, CONSTANTS, 2)
    assert found.tolist() == [[40.0, 80.0], [20.5, 40.5]]


def test_a_number_that_the_period_does_not_have_makes_none() -> None:
    rows = {"ecal": np.array([60.0], F32)}
    (row,) = compute_formulas(
        (Formula("x", "GeV", "beam_energy - ecal", ""),), rows, {"beam_energy": math.nan}, 1
    )
    assert np.isnan(row).all()


@pytest.mark.parametrize("n_events", [0, 1, 8191, 8193, 20_000])
def test_no_event_depends_on_how_many_come_at_a_time(n_events: int) -> None:
    a = np.random.default_rng(1).normal(size=n_events).astype(F32)
    made = (Formula("x", "1", "atan2(a, 2) + hypot(a, 1) / sqrt(abs(a))", ""),)
    whole = compute_formulas(made, {"a": a}, {}, n_events)
    parts = [
        compute_formulas(made, {"a": a[i : i + 77]}, {}, len(a[i : i + 77])) for i in range(0, n_events, 77)
    ]
    assert whole.tobytes() == (np.concatenate(parts, axis=1) if parts else whole).tobytes()
