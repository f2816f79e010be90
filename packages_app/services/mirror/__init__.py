"""The mirror: table and definitions copied into rows for browsing."""
