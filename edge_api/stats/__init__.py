"""What operators want to know: how much goes on, how fast, what is kept and what that costs."""
