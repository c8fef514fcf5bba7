"""What can go wrong with the registry as a whole."""


class RegistryError(Exception):
    """The registry cannot be used; the text says what is wrong and where."""


class RegistryTooNew(RegistryError):  # noqa: N818  the state is the name
    """The file was written by a newer certgate.

    Args:
        found: the file's version.
        known: the newest version this certgate knows.
    """

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f"the registry has version {found}, this certgate knows {known}:"
            " use the newer certgate that wrote it, or another state directory"
        )


class RegistryUnavailable(RegistryError):  # noqa: N818  likewise
    """The file cannot be read or written at the moment."""
