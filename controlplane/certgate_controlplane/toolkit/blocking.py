"""A lab for callers without an event loop: its own runs in a thread."""

from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Self, TypeVar, Unpack

from certgate_controlplane.address import Address
from certgate_controlplane.settings import LabError
from certgate_controlplane.toolkit.async_lab import AsyncLab
from certgate_controlplane.toolkit.bridges import BlockingClock, BlockingFaults
from certgate_controlplane.toolkit.loop_thread import LoopThread
from certgate_controlplane.toolkit.options import Options

_Answer = TypeVar("_Answer")


class BlockingLife:
    """Starts and ends a lab whose event loop runs in a thread, and says where it is.

    Args:
        options: how it is set up; see `Options`.

    Attributes:
        inner: the lab itself; its verbs are awaited in its own thread (see `run`).
        clock: the lab's clock.
        faults: what goes wrong on purpose.
    """

    def __init__(self, **options: Unpack[Options]) -> None:
        self.inner = AsyncLab(**options)
        self.clock = BlockingClock(self)
        self.faults = BlockingFaults(self)
        self._thread: LoopThread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start, as `AsyncLab.start` does."""
        self._thread = LoopThread()
        try:
            self.run(self.inner.start())
        except BaseException:
            self._end_thread()
            raise

    def stop(self) -> None:
        """End it, as `AsyncLab.stop` does; its thread is gone, too."""
        try:
            self.run(self.inner.stop())
        finally:
            self._end_thread()

    def run(self, work: Coroutine[Any, Any, _Answer]) -> _Answer:
        """Run something in the lab's event loop and wait for what comes of it.

        Args:
            work: a coroutine, such as ``lab.inner.decisions()``.

        Raises:
            LabError: the lab does not run.
        """
        __tracebackhide__ = True
        if self._thread is None:
            work.close()
            raise LabError("this lab does not run: use it inside `with`, or start it")
        try:
            return self._thread.run(work)
        except AssertionError as failure:
            # Without the frames of the other thread, which say nothing to whoever reads it.
            raise AssertionError(*failure.args) from None

    def _end_thread(self) -> None:
        if self._thread is not None:
            self._thread.stop()
            self._thread = None

    @property
    def address(self) -> Address:
        """Where everything is."""
        return self.inner.address

    @property
    def host(self) -> str:
        """Where devices connect."""
        return self.inner.host

    @property
    def port(self) -> int:
        """The TCP port that devices connect to."""
        return self.inner.port

    @property
    def api_url(self) -> str:
        """Where the cloud's API is, such as ``http://127.0.0.1:8080``."""
        return self.inner.api_url

    @property
    def server_ca_file(self) -> Path:
        """The certificate that devices have to trust, PEM."""
        return self.inner.server_ca_file

    @property
    def instance_id(self) -> str:
        """The instance that serves devices that name none."""
        return self.inner.instance_id

    def sdk_client(self) -> Any:  # noqa: ANN401  the SDK is not a dependency
        """Give the cloud's official client, as `AsyncLab.sdk_client` does."""
        return self.inner.sdk_client()
