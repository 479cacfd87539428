"""The WebSocket: one stream from the server for each user, and all of that user's sockets behind it."""
