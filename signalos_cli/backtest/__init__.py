"""A file of messages, replayed through a SignalOS of its own against an emulated broker."""
