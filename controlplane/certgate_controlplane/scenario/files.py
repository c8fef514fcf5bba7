"""Files: what they may be called, and reading one that somebody has named."""

import re
from pathlib import Path

from certgate_controlplane.scenario.errors import ScenarioError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


def is_file_name(name: str) -> bool:
    """Tell whether a name can be a file's, in whatever directory it is put.

    Args:
        name: the name.
    """
    return _NAME.fullmatch(name) is not None


def file_name(name: str, place: str) -> str:
    """Check that a name can be a file's.

    Args:
        name: the name.
        place: who bears it, for the error.

    Raises:
        ScenarioError: it cannot.
    """
    if not is_file_name(name):
        raise ScenarioError.at(
            place,
            f"{name[:64]!a} cannot be the name of a file: use up to 64 letters, digits and . _ @ -,"
            " the first one a letter or digit",
        )
    return name


def read_file(file: Path) -> bytes:
    """Read a scenario's file.

    Args:
        file: the file.

    Raises:
        ScenarioError: it cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise ScenarioError(f"{file} cannot be read: {error.strerror or error}") from error
