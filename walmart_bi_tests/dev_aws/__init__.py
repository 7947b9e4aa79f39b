"""`make dev-aws`: the aws target on one machine, with its data kept, for a person to look at.

state.py      what is kept between two starts, and what a client needs to know
__main__.py   the command: start the servers and `dagster dev`, wait, stop everything in order
"""
