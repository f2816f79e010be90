"""Notices: what people are told, and how it is sent on."""
