"""What publishing to a Tableau Server or to Tableau Cloud needs to know. Without it nothing is published anywhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from walmart_bi.environment import PREFIX, EnvironmentReader

_NAMES = ("TABLEAU_SERVER", "TABLEAU_SITE", "TABLEAU_PROJECT", "TABLEAU_TOKEN_NAME", "TABLEAU_TOKEN")
# The token travels in the first request, so it goes over TLS, or does not leave the machine.
_SERVER = r"https://[^\s/?#@]+(/[^\s?#]*)?|http://(127\.0\.0\.1|localhost)(:\d+)?/?"


@dataclass(frozen=True)
class TableauServerSettings:
    """A site, the project in it that is published to, and a personal access token. `site` is empty for the default."""

    server: str
    token_name: str
    token: str = field(repr=False)
    site: str = ""
    project: str = "Default"

    @property
    def place(self) -> str:
        """The target as an error names it."""
        return f"{self.server}, site {self.site or 'Default'}, project {self.project}"


def read_tableau(reader: EnvironmentReader) -> TableauServerSettings | None:
    """The settings when any of the variables is set; they may be used only if the reader has noted no problem."""
    given = [name for name in _NAMES if reader.text(name)]
    if not given:
        return None
    why = f"but {PREFIX}{given[0]} is"
    reader.required("TABLEAU_SERVER", why)
    return TableauServerSettings(
        server=(reader.matching("TABLEAU_SERVER", _SERVER, "an https address without an account") or "").rstrip("/"),
        token_name=reader.required("TABLEAU_TOKEN_NAME", why),
        token=reader.required("TABLEAU_TOKEN", why),
        site=reader.text("TABLEAU_SITE") or "",
        project=reader.text("TABLEAU_PROJECT") or "Default",
    )
