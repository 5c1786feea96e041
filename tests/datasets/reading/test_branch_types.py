"""Types that uproot and ROOT do not see alike, and types that nobody can read."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import uproot

from na64.datasets.reading.branch_names import Place
from na64.datasets.reading.branch_types import stored_type
from na64.datasets.reading.stored import Stored


def branch_of(leaf: str, title: str, *, typename: str = "", comment: str = "") -> SimpleNamespace:
    """A branch that uproot takes for one of plain numbers."""
    one = SimpleNamespace(classname=leaf, member={"fTitle": title}.__getitem__)
    streamer = SimpleNamespace(typename=typename, title=comment) if typename else None
    dtype = uproot.interpretation.numerical.AsDtype(np.dtype((">f4", (3,))), np.dtype(("f8", (3,))))
    members = {"fLeaves": [one]}.__getitem__
    return SimpleNamespace(member=members, streamer=streamer, interpretation=dtype, typename="float[3]")


@pytest.mark.parametrize(
    ("branch", "packing"),
    [
        (branch_of("TLeafD32", "a[3]/d[0,100,32]"), "[0,100,32]"),
        (branch_of("TLeafF16", "a[3]/f[0, 2*pi]"), "[0, 2*pi]"),
        (branch_of("TLeafElement", "a[3]", typename="Double32_t", comment="[cells] [0,9,32]"), "[0,9,32]"),
        (branch_of("TLeafElement", "a[3]", typename="Float16_t*", comment="[n][0,9,16]"), "[0,9,16]"),
        (branch_of("TLeafD32", "a[3]"), ""),
        (branch_of("TLeafF", "a[3]"), ""),
        (branch_of("TLeafElement", "a[3]", typename="double", comment="range [0,100,32]"), ""),
    ],
)
def test_packed_numbers_are_not_taken_for_plain_ones(branch: SimpleNamespace, packing: str) -> None:
    found = stored_type(Place(branch))
    assert found == (
        Stored("", (), False, f"float[3] packed as {packing}")
        if packing
        else Stored("float64", (3,), False, "float[3]")
    )


LEAVES = uproot.interpretation.numerical.AsDtype(
    np.dtype([("run", ">i4"), ("x", ">f4", (3,))]), np.dtype([("run", "i4"), ("x", "f4", (3,))])
)


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        ("run", Stored("int32", (), False, "int32")),
        ("x", Stored("float32", (3,), False, "float32[3]")),
        ("", Stored("", (), False, "struct")),
    ],
)
def test_a_leaf_has_a_type_of_its_own(leaf: str, expected: Stored) -> None:
    branch = branch_of("TLeafI", "run")
    branch.interpretation, branch.typename = LEAVES, "struct"
    assert stored_type(Place(branch, leaf)) == expected


def test_a_type_that_uproot_does_not_know_is_named_by_its_leaves() -> None:
    branch = branch_of("TLeafF", "x[n]")
    branch.interpretation = uproot.interpretation.identify.UnknownInterpretation("several", None, None)
    assert stored_type(Place(branch)) == Stored("", (), False, '"x[n]", which uproot cannot interpret')
