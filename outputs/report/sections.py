"""What other commands add to the report of a result."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from markupsafe import Markup

from na64.outputs.background.section import SECTION as BACKGROUND
from na64.outputs.control.dimuon.section import SECTION as DIMUONS
from na64.outputs.limits.section import SECTION as LIMITS
from na64.outputs.opened.section import SECTION as OPENED
from na64.outputs.result.products import Products


def sections(folder: Path, products: Products, result: bytes) -> dict[str, Markup]:
    """Write the sections by title, in order; without those that nothing was left for.

    Parameters
    ----------
    folder : Path
        Of the result.
    products : Products
    result : bytes
        `result.json`.
    """
    digest, made = sha256(result).hexdigest(), dict(products.summary.products)
    parts = (OPENED, BACKGROUND, DIMUONS, LIMITS)
    found = {section.title: section.write(folder, made, digest) for section in parts}
    return {title: page for title, page in found.items() if page}
