"""Records to Packages, compressed forms and Release: pure functions."""
