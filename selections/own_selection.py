"""A file to start a selection of one's own from: a packaged one with everything that can be changed."""

from __future__ import annotations

from na64.datasets.basics.toml import unknown
from na64.selections.bounds import Bound, bounds_of
from na64.selections.selection import SELECTIONS, load_selection

_TEXT = """\
# Selection {name}, built on {base}: na64 init selection. It loads as it stands:
#   na64 process CATALOGUE.json --selection {name}.toml --to DIR
# What this file does not say is as in the base; na64 selections {base} shows that. Keys: selections.md.
base = "{base}"
name = "{name}"
label = "{label}; {name}"

# Take cuts away.
# remove = ["{last}"]

# Another bound for a cut. These are those of {base}:
{bounds}
#
# [change.{cut}]
# source = "who says so"
# {feature} = {{ {side} = {value:g}{unit} }}

# A cut more, at the end, or directly before or after another one. na64 features lists what it can use.
# [[append]]
# name = "preshower"
# label = "energy in the preshower"
# source = "who says so"
# after = "{last}"
# preshower = {{ above = 0.5, unit = "GeV" }}

# A feature made of others.
# [[feature]]
# name = "hcal_balance"
# unit = "1"
# meaning = "difference of two HCAL modules over their sum"
# formula = "where(hcal_01 > 1, (hcal_0 - hcal_1) / hcal_01, 0)"

# A histogram more, after a cut or of all "visible" events.
# [[append_histogram]]
# name = "preshower_spectrum"
# after = "{last}"
# axes = [{{ feature = "preshower", bins = 100, low = 0, high = 20, unit = "GeV", label = "E_PRS [GeV]" }}]

# The same selection with another bound, energy scale or time window, counted in the same pass.
# [[append_variation]]
# name = "other_scale"
# source = "who says so"
# scale = {{ ecal = 1.01 }}
"""


def selection_text(name: str, base: str) -> str:
    """Text of a selection that loads as it stands and does what its base does.

    Parameters
    ----------
    name : str
    base : str
        A packaged selection.

    Raises
    ------
    KeyError
        There is no such packaged selection; names the nearest.
    """
    if base not in SELECTIONS:
        raise KeyError(f"--like: {unknown('selection', base, SELECTIONS)}")
    selection, bounds = load_selection(base), bounds_of(base)
    shown = _example(list(bounds.values()))
    cut, feature, side = shown.path.split(".")[:3]
    return _TEXT.format(
        name=name,
        base=base,
        label=selection.label,
        last=selection.cut_names[-1],
        bounds="\n".join(f"#   {bound.path} = {bound.text}" for bound in bounds.values()),
        cut=cut,
        feature=feature,
        side=side,
        value=shown.value,
        unit=f', unit = "{shown.unit}"' if shown.unit else "",
    )


def _example(bounds: list[Bound]) -> Bound:
    """A bound that is alone on its feature, so that the example replaces nothing else."""
    stems = [bound.path.rpartition(".")[0] for bound in bounds]
    alone = [b for b, stem in zip(bounds, stems, strict=True) if stems.count(stem) == 1 and b.unit]
    return (alone or bounds)[-1]
