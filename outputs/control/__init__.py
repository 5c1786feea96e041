"""Control samples: efficiencies of single cuts, and dimuons."""
