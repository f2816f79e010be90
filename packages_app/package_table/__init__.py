"""The only truth: the package table's two adapters."""
