"""What other commands add to the report of a result."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from markupsafe import Markup

from na64.outputs.dimuon.section import section as dimuons
from na64.outputs.limits.section import section as limits
from na64.outputs.products import Products
from na64.outputs.statistics.section import section as background


def sections(folder: Path, products: Products, result: bytes) -> dict[str, Markup]:
    """Write the sections by name, in order; without those that nothing was left for.

    Parameters
    ----------
    folder : Path
        Of the result.
    products : Products
    result : bytes
        `result.json`.
    """
    found = {
        "Background": background(folder, products),
        "Dimuons": dimuons(folder, products),
        "Limits": limits(folder, sha256(result).hexdigest()),
    }
    return {name: page for name, page in found.items() if page}
