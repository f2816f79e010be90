"""Verifying a published repository: what clients see, and what the package table says, one fault at a time."""
