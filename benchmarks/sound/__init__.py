"""Sound at another pitch and tempo: whether its index and the exact comparison find it, and how exactly they tell."""
