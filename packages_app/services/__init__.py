"""The use cases, one function each; admin, tasks, commands and views call them."""
