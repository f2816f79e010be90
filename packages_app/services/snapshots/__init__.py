"""Snapshots of suites: made, listed and deleted, by people and by the clock (docs/LIFECYCLE.md, Snapshots)."""
