"""Measurements of the project: each script prints figures of its own run. No assertion, no figure from elsewhere."""
