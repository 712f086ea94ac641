"""The index as the catalogue grows: size, recall of candidates, and the time of a decision."""
