"""From a message to what came of it: sources, signals, decisions, and how each becomes commands."""
