"""Reads each record as it lies on disk, and changes none of them."""
