"""What moderators do: the queue of flagged videos, their verdicts, taking those back, pairs that are not compared."""
