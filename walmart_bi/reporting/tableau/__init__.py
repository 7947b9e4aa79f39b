"""Tableau files of a snapshot: an extract (`.hyper`), a workbook (`.twbx`) and a data source (`.tdsx`).

What each sheet shows follows from the KPI headers, what each insight box says from the insights. Nothing here asks the
warehouse or knows the object store. No Tableau is needed to write or to check these files; `docs/tableau.md` says what
that leaves open.
"""
