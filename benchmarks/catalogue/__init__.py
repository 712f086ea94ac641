"""The index as the catalogue grows: what it holds of a video, what it still finds, and the time of a decision."""
