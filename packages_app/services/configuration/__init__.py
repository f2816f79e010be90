"""Configuration that is made in the admin: saved, looked at, exported."""
