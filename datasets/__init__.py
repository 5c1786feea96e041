"""What was recorded, and what was known about the detector then."""
