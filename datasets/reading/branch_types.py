"""Types of the branches of a TTree, as they are stored."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import uproot

from na64.datasets.reading.branch_names import Place
from na64.datasets.reading.stored import BadFileError, Stored, readable

_RANGE = re.compile(r"\[[^\]]*,[^\]]*\]")
_PACKED_LEAVES = ("TLeafD32", "TLeafF16")
_PACKED_TYPES = ("Double32_t", "Float16_t")


def stored_type(place: Place) -> Stored:
    """Type of a branch or a leaf as it is stored, without a number if it cannot be read."""
    branch = place.branch
    try:
        with readable():
            interpretation, text = branch.interpretation, str(branch.typename)
    except BadFileError:
        return Stored("", (), False, _unknown(branch))
    if isinstance(interpretation, uproot.interpretation.identify.UnknownInterpretation):
        return Stored("", (), False, _unknown(branch))
    packing = _packing(branch)
    if packing:
        return Stored("", (), False, f"{text} packed as {packing}")
    return _of_leaf(interpretation, place.leaf) or _of_branch(interpretation, text)


def _unknown(branch: Any) -> str:
    """Type in words that is made of the titles of the leaves: ``energy[3]/d[0,100,12]``."""
    titles = ":".join(str(leaf.member("fTitle")) for leaf in branch.member("fLeaves"))
    return f'"{titles or branch.name}", which uproot cannot interpret'


def _packing(branch: Any) -> str:
    """Range and bits of packed numbers: after dimensions, uproot takes them for plain ones."""
    titles = [leaf.member("fTitle") for leaf in branch.member("fLeaves") if leaf.classname in _PACKED_LEAVES]
    if str(getattr(branch.streamer, "typename", "")).startswith(_PACKED_TYPES):
        titles.append(branch.streamer.title)
    found = [_RANGE.search(str(title)) for title in titles]
    return next((match[0] for match in found if match), "")


def _of_leaf(interpretation: Any, leaf: str) -> Stored | None:
    """Type of one of several leaves, None if the branch has only one."""
    if not leaf or not isinstance(interpretation, uproot.interpretation.numerical.AsDtype):
        return None
    dtype = np.dtype(interpretation.to_dtype)
    if dtype.fields is None:
        return None
    dimensions = "".join(f"[{n}]" for n in dtype[leaf].shape)
    return Stored(dtype[leaf].base.name, dtype[leaf].shape, False, f"{dtype[leaf].base.name}{dimensions}")


def _of_branch(interpretation: Any, text: str) -> Stored:
    jagged = isinstance(interpretation, uproot.interpretation.jagged.AsJagged)
    content = interpretation.content if jagged else interpretation
    if not isinstance(content, uproot.interpretation.numerical.AsDtype):
        return Stored("", (), jagged, text)
    shape = tuple(int(n) for n in content.inner_shape)
    dtype = np.dtype(content.to_dtype.base)
    if dtype.fields is not None or (jagged and shape):
        return Stored("", shape, jagged, text)
    return Stored(dtype.name, shape, jagged, text)
