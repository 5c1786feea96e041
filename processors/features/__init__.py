"""Columns to features: windows, kernels, variations of them, and plug-ins."""
