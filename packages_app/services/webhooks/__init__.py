"""Webhooks: what has happened, told to addresses of others, signed, and until they have it."""
