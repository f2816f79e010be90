"""Who signed in: what a session notes of it, whether it is fresh enough for what matters most, and which there are."""
