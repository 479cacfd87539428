"""From what a signal says to what one account would do: each step a pure function with its reason.

`decide.decide` puts the steps together; `docs/signal-decisions.md` tells the rules and the codes.
"""
