"""What is to be done with messages: the standard library only, told the time."""
