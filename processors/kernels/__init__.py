"""Compiled loops over events; they import math, numpy and numba only."""
