"""What no client can ask for any more, and how it is taken away."""
