"""Taking over a repository, an older table or a backup."""
