"""What the caller of one call may do: what a gate finds out and a context asks."""

from typing import Protocol


class Permit(Protocol):
    """What the caller of one call may do in it."""

    def check(self, instance_id: str, /) -> None:
        """Refuse an instance that the caller may not use in this way.

        Args:
            instance_id: an instance that exists.

        Raises:
            ApiError: the caller may not.
        """
        ...

    def covers(self, instance_id: str, /) -> bool:
        """Tell whether `check` would let an instance pass.

        Args:
            instance_id: an instance that exists.
        """
        ...


class Unlimited:
    """The permit of a caller whom nobody asked who they are."""

    def check(self, _instance_id: str) -> None:
        """Refuse nothing."""

    def covers(self, _instance_id: str) -> bool:
        """Cover everything."""
        return True


ANYTHING = Unlimited()
"""What callers may do where nobody is asked who they are."""
