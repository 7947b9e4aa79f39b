"""Packaging: what `pyproject.toml` cannot say, which is that the top-level `sql/` is part of the package."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["walmart_bi", "walmart_bi.*"]), "walmart_bi.sql"],
    package_dir={"walmart_bi.sql": "sql"},
)
