"""The APT repository: a folder for each place on the data's way (docs/ARCHITECTURE.md, Rooms)."""
