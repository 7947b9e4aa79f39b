"""Faults at every call: each place that asks S3, a database, the file system or a server, and what meets it there.

`sites.py` lists the places by reading the source, so a new one is known at once; `injection.py` lets a fault meet
exactly one of them; the registries beside the tests say what runs through each place. A place without a case fails
`test_every_call_has_a_case.py`.
"""
