"""Deliveries: files that a person uploads, looks at, and takes in together."""
