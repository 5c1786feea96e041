"""Names of what `na64 limits` writes."""

from __future__ import annotations

LIMITS = "limits.json"
TABLE = "limits.csv"
Y_TABLE = "limits_y.csv"
FOLDER = "limits"
"""Folder of figures, workspace, HEPData tables and background tables."""

BACKGROUNDS = "background*.csv"
"""Background tables in that folder."""

SCHEMA = 2
"""Version of `limits.json`."""
