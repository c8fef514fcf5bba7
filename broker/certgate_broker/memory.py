"""Give memory back to the system after a crowd has gone.

glibc keeps what thousands of TLS connections have used for the next thousands, because something
small always lives at the end of its heap. A broker that serves three devices need not hold it.
"""

import asyncio
import ctypes

_SECONDS = 3.0
"""By then the connections of a crowd that was dropped are closed and forgotten."""


def give_back_soon() -> None:
    """Ask the allocator, in a moment, to return what nobody uses; where it cannot, nothing."""
    asyncio.get_running_loop().call_later(_SECONDS, give_back)


def give_back() -> None:
    """Ask the allocator to return what nobody uses (malloc_trim, glibc only)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
