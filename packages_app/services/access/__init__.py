"""Who may do what, for people to see and change: grants, the ends of tokens, who may upload a package."""
