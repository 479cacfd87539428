"""What the command line asks of the server's own parts, in its own words."""
