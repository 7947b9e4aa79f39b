"""The story's numbers and sentences: what happened, why, whether it is unusual, and what the data cannot support."""
