"""Keeps what botocore reads of its service descriptions, which it otherwise finds and parses anew for each client.

redshift_connector makes two clients for each login. Their descriptions are files of the package that do not change, and
to look through its 400 directories and parse them is most of the processor time of a load on the stand-in. The fork
server of `children.py` only imports, so what its children are to find parsed is parsed when this is imported.
"""

from __future__ import annotations

from typing import Any

import boto3
from botocore import loaders

_SERVICES = ("s3", "redshift-serverless")
_parsed: dict[str, Any] = {}
_listed: dict[tuple[str, ...], list[str]] = {}
_load_file = loaders.JSONFileLoader.load_file
_list_available_services = loaders.Loader.list_available_services


def _load_once(self: loaders.JSONFileLoader, file_path: str) -> Any:
    if file_path not in _parsed:
        _parsed[file_path] = _load_file(self, file_path)
    return _parsed[file_path]


def _list_once(self: loaders.Loader, type_name: str) -> list[str]:
    key = (type_name, *self.search_paths)
    if key not in _listed:
        _listed[key] = _list_available_services(self, type_name)
    return _listed[key]


loaders.JSONFileLoader.load_file = _load_once
loaders.Loader.list_available_services = _list_once
for _service in _SERVICES:
    boto3.Session("none", "none", region_name="us-east-1").client(_service)
