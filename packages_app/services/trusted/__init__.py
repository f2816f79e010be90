"""Trusted publishing: workflows that show a token of their issuer's, and are given one of ours for some minutes."""
