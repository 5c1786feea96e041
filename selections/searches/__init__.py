"""Search cards, one a file; see `na64.outputs.limits.searches.card`."""
