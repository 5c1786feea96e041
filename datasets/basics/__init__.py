"""What every table of facts is read and written with: TOML, CSV, JSON, units, identities, whole files."""
