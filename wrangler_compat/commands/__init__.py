"""The commands of `python -m wrangler_compat`, one module for each binding."""
