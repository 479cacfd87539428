"""Signals: taken in, read, decided for each account, and followed until nothing of them waits."""
