"""Keeps what botocore reads of its service descriptions, which it otherwise parses anew for each client that is made.

redshift_connector makes two clients for each login. Their descriptions are files of the package that do not change, and
parsing them is half of the processor time of a load on the stand-in. The fork server of `children.py` only imports, so
what its children are to find parsed is parsed when this is imported.
"""

from __future__ import annotations

from typing import Any

import boto3
from botocore import loaders

_SERVICES = ("s3", "redshift-serverless")
_parsed: dict[str, Any] = {}
_load_file = loaders.JSONFileLoader.load_file


def _load_once(self: loaders.JSONFileLoader, file_path: str) -> Any:
    if file_path not in _parsed:
        _parsed[file_path] = _load_file(self, file_path)
    return _parsed[file_path]


loaders.JSONFileLoader.load_file = _load_once
for _service in _SERVICES:
    boto3.Session("none", "none", region_name="us-east-1").client(_service)
