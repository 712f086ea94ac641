"""What crosses a process boundary: frozen types and their codecs. No I/O, and nothing of ours is imported here."""
