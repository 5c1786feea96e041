"""Names of what is written for others: the locks of a folder of products, and the files of `na64 limits`."""

from __future__ import annotations

PRODUCTS = "products"
"""Lock under which the products of a result are read and written."""

COUNTING = "counting"
"""Lock of whoever may put another result into a folder, or needs that nobody does for long."""

COUNTING_PATIENCE = 2.0
"""Seconds that is waited for another one who has that lock, before it is told that he is there."""

LIMITS = "limits.json"
TABLE = "limits.csv"
Y_TABLE = "limits_y.csv"
FOLDER = "limits"
"""Folder of figures, workspace, HEPData tables and background tables."""

BACKGROUNDS = "background*.csv"
"""Background tables in that folder."""

CONTOUR, CONTOUR_FACTS = "contour.csv", "contour.json"
"""What `na64 limits --search` adds: excluded couplings of a search, and what they rest on."""

CONTOUR_HEPDATA = "contour_hepdata"
"""Folder of the edges of a contour in the form that HEPData takes."""

SCHEMA = 2
"""Version of `limits.json`."""
