"""The worker that takes each uploaded video to its verdict. Start with pipeline.py."""
