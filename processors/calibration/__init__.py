"""Sums over visible events from which constants of cells are made, and what the monitoring looks at."""
