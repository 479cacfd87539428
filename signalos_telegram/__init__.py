"""Reads Telegram chats and hands what is written there to the server, each message at least once."""
