"""What a trading message says and what may be done with it: pure, without I/O, clock or network.

`parse.parse` turns a text into a `model.Parse`; `docs/signal-grammar.md` is the specification.
"""
