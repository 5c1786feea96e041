"""Published curves, about 20 points each; see `na64.outputs.signal.curves`."""
