"""Constants of cells by run range: what they are, their file, and what becomes of a set-up with them."""
