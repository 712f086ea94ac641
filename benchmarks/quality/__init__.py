"""How well copies are found, beside peers in the same run: `python -m benchmarks.quality FOLDER`. docs/quality.md."""
