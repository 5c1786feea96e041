"""What is known of runs and spills: periods, exposure, run types, bad spills, reconstruction passes."""
