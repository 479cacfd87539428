"""Between the contract's messages and the bridge's own values. Nothing is decided here."""
