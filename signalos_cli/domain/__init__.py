"""What the command line decides, without doing it: standard library only, told the time."""
