"""The profile `public`: the same views and facts, over rows where nobody stands out (docs/adr/0020-public-profile.md).

`rows.py` reads rows whose rare labels are one label, `cells.py` makes the story's cube coarse enough and refuses what
is not. Which profile a snapshot has is decided in one place, `edition.py`.
"""
