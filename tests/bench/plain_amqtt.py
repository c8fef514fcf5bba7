"""amqtt by itself, with its own TLS listener and a plugin that only looks at the certificate.

``python plain_amqtt.py LOOP PORT CA-FILE CERTIFICATE KEY``; LOOP is asyncio or uvloop.
"""

import asyncio
import importlib
import logging
import sys

from amqtt.broker import Broker
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session


class Looking(BaseAuthPlugin):
    """Lets everybody in who has shown a certificate."""

    async def authenticate(self, *, session: Session) -> bool | None:
        """Look at the certificate."""
        tls = session.ssl_object
        return tls is not None and bool(tls.getpeercert(binary_form=True))


async def main(port: str, ca_file: str, certificate: str, key: str) -> None:
    """Serve until somebody ends it."""
    listener = {
        "type": "tcp",
        "bind": f"127.0.0.1:{port}",
        "ssl": True,
        "cafile": ca_file,
        "certfile": certificate,
        "keyfile": key,
    }
    # This file, which its folder makes importable.
    plugins: dict[str, dict[str, object]] = {"plain_amqtt.Looking": {}}
    await Broker({"listeners": {"default": listener}, "plugins": plugins}).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    with asyncio.Runner(loop_factory=importlib.import_module(sys.argv[1]).new_event_loop) as runner:
        runner.run(main(*sys.argv[2:]))
