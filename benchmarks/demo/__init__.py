"""Clips that the project draws itself, their altered copies, and a system that tells which is which."""
