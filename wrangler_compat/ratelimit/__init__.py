"""Rate limiting: how much of something each key may take in a period."""
