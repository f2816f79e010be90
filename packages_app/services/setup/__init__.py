"""Setting an installation up, and asking whether it is well."""
