"""Files of the background estimate; without matplotlib, which only drawing needs."""

from __future__ import annotations

FACTS = "background.json"
FIGURES = "background"
SCHEMA = 1
"""Version of `FACTS`."""
