"""Options of the commands that work on a running lab."""

from typing import Annotated
from urllib.parse import urlsplit

import typer

from certgate_controlplane.client import ApiClient
from certgate_controlplane.runbook import Runbook, RunbookError
from certgate_controlplane.settings import DEFAULT_INSTANCE

DEFAULT_URL = "http://127.0.0.1:8080"

Url = Annotated[
    str, typer.Option("--api-url", envvar="CERTGATE_API_URL", help="Where the lab's API is.")
]
Instance = Annotated[
    str, typer.Option("--instance", envvar="CERTGATE_INSTANCE", help="Instance to work on.")
]
AsJson = Annotated[
    bool, typer.Option("--json", envvar="CERTGATE_JSON", help="What the API said, for scripts.")
]
DEFAULT_INSTANCE_ID = DEFAULT_INSTANCE


def runbook(url: str, instance: str) -> Runbook:
    """Take up the tools for one instance of a running lab.

    Args:
        url: where the lab's API is.
        instance: the instance.

    Raises:
        RunbookError: the URL cannot be an API's.
    """
    if not _is_http(url):
        raise RunbookError(f"{url!r} cannot be where an API is; {DEFAULT_URL} could")
    return Runbook(ApiClient(url), instance)


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    names_host = bool(parts.hostname) and parts.netloc.isprintable() and " " not in parts.netloc
    return parts.scheme == "http" and names_host and port != 0
