"""Figures and the HTML report, drawn from a stored result."""
