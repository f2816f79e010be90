"""Verification: everything that clients could be served is held against the table."""
