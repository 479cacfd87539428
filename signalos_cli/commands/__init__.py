"""One module per group of commands: each translates options into a call, and answers into words."""
