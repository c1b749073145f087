"""Batch in, batch out: pure functions over Arrow and NumPy arrays."""
