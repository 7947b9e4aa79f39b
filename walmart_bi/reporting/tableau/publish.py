"""Publishes a workbook and a data source to a Tableau Server or to Tableau Cloud.

The only module that knows tableauserverclient, an optional package that is imported when there is something to publish.
How a large file is sent in pieces is that package's business. No text that leaves here holds the token.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from walmart_bi.errors import WalmartBiError
from walmart_bi.settings_tableau import TableauServerSettings

WORKBOOK_NAME = "Walmart BI story"
DATA_SOURCE_NAME = "Walmart BI sales story"
_CONNECT_SECONDS = 15
_ANSWER_SECONDS = 300
_SHOWN = 200


class PublishError(WalmartBiError):
    """Nothing, or not everything, could be published. What was published before is in place."""


@dataclass(frozen=True)
class Published:
    """What the server has now: its ids, and where a person sees the workbook."""

    workbook_id: str
    data_source_id: str
    address: str


def publish(settings: TableauServerSettings, workbook: Path, data_source: Path) -> Published:
    """Replace the data source and the workbook in the project. Raises PublishError."""
    tsc = _client(settings)
    with _explained(settings):
        options = {"timeout": (_CONNECT_SECONDS, _ANSWER_SECONDS)}
        server = tsc.Server(settings.server, http_options=options)
        server.use_server_version()
        token = tsc.PersonalAccessTokenAuth(settings.token_name, settings.token, site_id=settings.site)
        with server.auth.sign_in(token):
            project = _project_id(server, settings)
            source = server.datasources.publish(
                tsc.DatasourceItem(project, name=DATA_SOURCE_NAME), str(data_source), tsc.Server.PublishMode.Overwrite
            )
            book = server.workbooks.publish(
                tsc.WorkbookItem(project, name=WORKBOOK_NAME), str(workbook), tsc.Server.PublishMode.Overwrite
            )
    return Published(str(book.id), str(source.id), str(book.webpage_url or settings.server))


def _project_id(server: Any, settings: TableauServerSettings) -> str:
    found = [project for project in server.projects.filter(name=settings.project) if project.name == settings.project]
    if len(found) != 1:
        told = "There is no such project" if not found else f"There are {len(found)} projects of this name"
        raise PublishError(
            f"{told}, or the token may not see it.",
            place=settings.place,
            next_step="name one of the site's projects in WALMART_BI_TABLEAU_PROJECT, as the site spells it.",
        )
    return str(found[0].id)


def _client(settings: TableauServerSettings) -> Any:
    try:
        import tableauserverclient
    except ImportError as error:
        raise PublishError(
            f"The package tableauserverclient is not installed ({error.name}).",
            place=settings.place,
            next_step="install the project with its extra, in its directory: pip install -e '.[publish]'.",
        ) from error
    return tableauserverclient


@contextmanager
def _explained(settings: TableauServerSettings) -> Iterator[None]:
    """Each failure as one line; not chained to the client's error, whose text and frames may hold the token."""
    from tableauserverclient.server.endpoint.exceptions import FailedSignInError, TableauError

    log = logging.getLogger("TSC")  # it logs answers that it cannot read with a stack trace; errors tell them here
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    except FailedSignInError as error:
        raise _refusal(error, settings, is_sign_in=True) from None
    except TableauError as error:
        raise _refusal(error, settings, is_sign_in=False) from None
    except OSError as error:  # what the HTTP library raises are OSErrors
        raise PublishError(
            f"The Tableau server does not answer ({_safe(type(error).__name__, settings)}).",
            place=settings.place,
            next_step="check WALMART_BI_TABLEAU_SERVER and the network, then materialize tableau_published again.",
        ) from None
    except (ParseError, AttributeError, ValueError):  # the client takes whatever was answered for Tableau's elements
        raise PublishError(
            "What answers there is no Tableau server.",
            place=settings.place,
            next_step="correct WALMART_BI_TABLEAU_SERVER; it is the address of the server without a site.",
        ) from None
    finally:
        log.setLevel(level)


def _refusal(error: Exception, settings: TableauServerSettings, *, is_sign_in: bool) -> PublishError:
    told = [str(getattr(error, name, "") or "") for name in ("code", "summary", "detail")]
    reason = ": ".join(part for part in told if part) or type(error).__name__
    if is_sign_in:
        return PublishError(
            f"Tableau did not accept the token ({_safe(reason, settings)}).",
            place=settings.place,
            next_step="make a new personal access token and set WALMART_BI_TABLEAU_TOKEN_NAME and _TOKEN; "
            "check WALMART_BI_TABLEAU_SITE.",
        )
    return PublishError(
        f"Tableau refused ({_safe(reason, settings)}).",
        place=settings.place,
        next_step="check that the token's owner may publish to the project, then materialize tableau_published again.",
    )


def _safe(text: str, settings: TableauServerSettings) -> str:
    """One short line without the token, whatever a server sent back."""
    line = " ".join(text.split()).replace(settings.token, "***")
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "\u2026"
