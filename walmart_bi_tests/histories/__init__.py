"""Random histories of deliveries, loads, crashes and roll-backs on the real project, against a model in a dictionary.

Real are the sensor, the bodies of the four assets from the raw file to the table, store, warehouse and Dagster's run
storage. Left out are Dagster's executor and everything after the table, which change nothing of what is compared here
and would make a history a hundred times slower. The long form is `python -m walmart_bi_tests.histories --help`.
"""
