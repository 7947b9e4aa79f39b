"""The domain: what a sales file must look like, how it is read, cleaned, counted and assigned to months.

Pure functions on files and frames. No Dagster, no boto3, no warehouse: a test holds that.
"""
