"""Who may do what: the one rule that pages, commands, jobs and the API ask, and the tokens that narrow it."""
