"""Slots: how many of something each key may have under way at once."""
