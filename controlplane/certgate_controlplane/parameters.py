"""Reading request parameters: present once, not empty, within bounds, or refused.

Every operation's page gives one error for all of it: ParameterFieldCheckFailed, "The parameters may
be missing or invalid". The common gateway would answer an absent parameter with `Missing…` before
the service sees it; the operations' own pages win.
"""

import re
from collections.abc import Iterable

from certgate_certs.serial_number import SerialNumberError, look_up_key
from certgate_controlplane.errors import parameter_field_check_failed

_NUMBER = re.compile(r"[0-9]{1,9}")


class Parameters:
    """The parameters of one request; those that nobody asks for are passed over.

    Args:
        pairs: name and value as received, in any order, repetitions included.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def all(self, name: str) -> list[str]:
        """Give every value of a parameter, unchecked.

        Args:
            name: the parameter.
        """
        return list(self._values.get(name, ()))

    def pairs(self) -> list[tuple[str, str]]:
        """Give every parameter with every value of it, unchecked."""
        return [(name, value) for name, values in self._values.items() for value in values]

    def text(self, name: str, most: int) -> str:
        """Read a required text.

        Args:
            name: the parameter.
            most: its greatest length in bytes of UTF-8.

        Raises:
            ApiError: absent, repeated, blank, too long, not UTF-8, or with a NUL in it.
        """
        values = self._values.get(name, ())
        if len(values) != 1 or not _is_text(values[0], most):
            raise parameter_field_check_failed()
        return values[0]

    def serial_number(self, name: str) -> str:
        """Read a required serial number, in any notation that a look-up takes.

        Args:
            name: the parameter.

        Raises:
            ApiError: absent, repeated, empty, longer than 128 bytes, or not hexadecimal.
        """
        values = self._values.get(name, ())
        if len(values) != 1:
            raise parameter_field_check_failed()
        try:
            look_up_key(values[0])
        except SerialNumberError as error:
            raise parameter_field_check_failed() from error
        return values[0]

    def number(self, name: str, most: int) -> int:
        """Read a required decimal number of at least 1, ASCII digits only.

        Args:
            name: the parameter.
            most: the greatest number allowed, below 10**9.

        Raises:
            ApiError: absent, repeated, no number, or out of bounds.
        """
        values = self._values.get(name, ())
        if len(values) != 1 or not _NUMBER.fullmatch(values[0]):
            raise parameter_field_check_failed()
        number = int(values[0])
        if not 1 <= number <= most:
            raise parameter_field_check_failed()
        return number


def _is_text(value: str, most: int) -> bool:
    try:
        length = len(value.encode())
    except UnicodeEncodeError:  # A lone surrogate stands for bytes that were not UTF-8.
        return False
    return length <= most and bool(value.strip()) and "\x00" not in value
