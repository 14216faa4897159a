"""Rows and queue messages: base.py says what storage can do, keys.py names every row."""
