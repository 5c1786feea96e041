"""An opened box: what is known of it, what was in it, and how the report shows it."""
