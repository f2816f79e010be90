"""A version between its suites after it came in: withdrawn, and restored."""
