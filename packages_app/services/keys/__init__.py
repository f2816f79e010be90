"""Signing keys: those there are, their change from one to the next, and what to do when one is lost."""
