"""The pure middle of the emulated broker: told what happened and what time it is, it answers with changes."""
