"""Reading a repository that another tool has made: where it lies, its Release, its indexes."""
