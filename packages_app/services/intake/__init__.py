"""Intake: offers, uploads and builds, from a staged file to a record."""
