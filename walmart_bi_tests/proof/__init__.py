"""Nothing lost, nothing doubled, nothing half visible: loads that are killed or race, and what is left of them.

`python -m walmart_bi_tests.proof` (`make proof`) is the long form, which writes `docs/proof.md`; the tests here are the
short form. The histories and the fuzzing are packages beside this one and join in `__main__.py`.
"""
