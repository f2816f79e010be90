"""Where new versions come from: one file a source type, found through entry points."""
