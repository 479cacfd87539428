"""Server and bridge against a model broker, in one process, on a clock that only the seed moves.

What runs is the programs' own code from the use cases down to the terminal's port. What is modelled is what
lies below: sockets, disks, the database's rows, the terminal with its broker, clocks, and kill -9.
"""
