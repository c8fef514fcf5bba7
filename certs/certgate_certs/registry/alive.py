"""Which of the processes that share the registry are alive.

A process number does not tell: in a container it is 1 after every start, and in the container
beside it too. Whoever is to be known as alive locks a file beside the registry, and the kernel
lets go of the lock however the process ends.
"""

import contextlib
import fcntl
import os
import secrets
from pathlib import Path

from certgate_certs.registry.errors import RegistryUnavailable

_NUMBER_BITS = 62  # SQLite's integers have 64, one of them for the sign.
_PRIVATE = 0o600


class Lives:
    """The lives that this process has beside a registry, and a look at those of others.

    Args:
        registry: the registry file.
    """

    def __init__(self, registry: Path) -> None:
        self._registry = registry
        self._held: dict[int, int] = {}

    def begin(self) -> int:
        """Begin a life, and clear away what the dead have left.

        Returns:
            Its number, which no other life ever has.

        Raises:
            RegistryUnavailable: its file cannot be made.
        """
        number = secrets.randbits(_NUMBER_BITS)
        file = self._file(number)
        try:
            for other in file.parent.iterdir():
                if other.name.startswith(self._file("").name):
                    _is_held(other)
            self._held[number] = _hold(file)
        except OSError as error:
            reason = error.strerror or error
            raise RegistryUnavailable(f"{file} cannot be made or locked: {reason}") from error
        return number

    def end(self, number: int) -> None:
        """End a life; to end it again is no error.

        Args:
            number: what `begin` gave.
        """
        descriptor = self._held.pop(number, None)
        if descriptor is not None:
            with contextlib.suppress(OSError):  # Without its lock it is known as dead, too.
                self._file(number).unlink()
            os.close(descriptor)

    def end_all(self) -> None:
        """End every life that was begun here."""
        for number in list(self._held):
            self.end(number)

    def is_alive(self, number: int) -> bool:
        """Tell whether a life goes on, in this process or another.

        Args:
            number: what `begin` gave there.
        """
        return number in self._held or _is_held(self._file(number))

    def _file(self, number: int | str) -> Path:
        return self._registry.with_name(f"{self._registry.name}-alive-{number}")


def _hold(file: Path) -> int:
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, _PRIVATE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            os.close(descriptor)
            raise
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)  # Somebody took it for a dead one's before it was locked.


def _is_held(file: Path) -> bool:
    """Tell whether somebody has the file locked; one that nobody has is removed."""
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # It cannot be told, and whoever is taken for dead by mistake loses more.
    try:
        # Shared, so that several who look do not take each other for the one who is alive.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        with contextlib.suppress(OSError):
            file.unlink()
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
