"""The APT repository: one folder for each place on the data's way, see DESIGN section 2 in the README."""
