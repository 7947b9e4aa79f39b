"""Files that nobody thought of: the corpus mutated at random, each through inspection, cleaning and the gates.

The property: an input is loaded, quarantined or rejected; its counts add up by counting that shares no code with the
project; every value of a loaded row is what the oracle makes of the row's record, and no record that the oracle accepts
is set aside for what it knows; the gates say what the counts say; no other exception comes out, and the memory stays
under a cap. An input is made from its seed and its number
alone, as long as the corpus stays as it is; what failed becomes a case of the corpus. The long form is
`python -m walmart_bi_tests.fuzz --help`.
"""
