"""Features to counts: cuts, regions, histograms, migrations, and the tally that adds them."""
