"""Independent jobs of a batch system: submission, work, and state."""
