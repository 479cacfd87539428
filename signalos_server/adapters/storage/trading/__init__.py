"""What the trading services keep: the records of one unit of work, on either database."""
