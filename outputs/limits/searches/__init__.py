"""Search cards: what each search looks for, its reference configuration, and the contour of that."""
