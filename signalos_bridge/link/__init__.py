"""The bridge's link to its server: two connections, one session."""
