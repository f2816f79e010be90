"""One module a command; each calls one service."""
