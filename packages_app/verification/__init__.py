"""Verifying a published repository: what clients see, and what the package table says, one finding at a time."""
