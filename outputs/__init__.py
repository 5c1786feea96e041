"""What leaves: tables, histograms, plots, the report and their provenance."""
