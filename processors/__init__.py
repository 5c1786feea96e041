"""Columns to features to results, on one core or many."""
