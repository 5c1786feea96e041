"""Freezing an analysis and opening its box."""
