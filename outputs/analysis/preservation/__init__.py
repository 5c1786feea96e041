"""Results kept with all that they were made of, and made again."""
