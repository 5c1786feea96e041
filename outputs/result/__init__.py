"""The result of a selection: its tables, histograms, verdict and provenance, written and read back."""
