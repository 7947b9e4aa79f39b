"""Small changes for the worse to the code that decides about rows: the tests must see each of them, or it is explained.

`python -m walmart_bi_tests.mutation` (`make mutants`) is the long form, which writes `docs/mutation.md`. Here is no
test of the pipeline: its tests are those of the other packages, and `modules.py` says which judge which module.
"""
