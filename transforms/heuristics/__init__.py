"""Heuristics: what Gopher, C4, FineWeb, RefinedWeb and their tools measure, and their rules."""
