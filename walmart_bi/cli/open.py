"""`walmart-bi open`: the story page in the browser, from the directory or fetched from the bucket."""

from __future__ import annotations

import shutil
import tempfile
import webbrowser
from pathlib import Path

from walmart_bi.cli.project import Project
from walmart_bi.errors import WalmartBiError
from walmart_bi.stores.base import DASHBOARD_DATA, ObjectNotFound

STORY = f"{DASHBOARD_DATA}latest/story.html"


class NoStory(WalmartBiError):
    """There is no page to open yet."""


def open_story() -> int:
    """Open the page; where there is no browser, say where it is."""
    project = Project.from_environment()
    address = project.store.uri(STORY)
    try:
        if not address.startswith("file:"):
            address = _fetched(project)
        else:
            project.store.head(STORY)
    except ObjectNotFound:
        raise NoStory(
            "There is no story page yet.", place=address, next_step="load a file first: walmart-bi load FILE."
        ) from None
    print(address)
    if not webbrowser.open(address):
        print("no browser was found here; open the address above in one")
    return 0


def _fetched(project: Project) -> str:
    """A copy that stays when the command is done: the browser reads it later."""
    folder = Path(tempfile.mkdtemp(prefix="walmart_bi_story_"))
    with project.store.fetch(STORY) as path:
        return Path(shutil.copyfile(path, folder / "story.html")).as_uri()
