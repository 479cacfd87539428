"""Limits on what an account may lose: days, losses and stages. Pure; time and zones are arguments."""
