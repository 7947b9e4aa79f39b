"""How AWS is reached: one boto3 session by the standard variables and files. What is asked of AWS is elsewhere."""

from __future__ import annotations

import os
from typing import Any


def aws_session() -> Any:
    """A boto3 session; nothing is sent. Raises botocore's ProfileNotFound for an AWS_PROFILE that is not there.

    AWS_REGION is what the AWS SDKs share and what containers on AWS are given, but boto3 reads AWS_DEFAULT_REGION only.
    """
    import boto3

    return boto3.session.Session(region_name=os.environ.get("AWS_REGION") or None)
