"""amqtt's auth plugins: one for certgate's own listener, one for amqtt's."""

import asyncio
import ssl
import time
from _ssl import ENCODING_DER
from dataclasses import dataclass
from pathlib import Path

from amqtt.contexts import BaseContext
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session

from certgate_broker.admission import Admission, Presented, Verdict
from certgate_broker.decision import Decision
from certgate_broker.decision_log import Attempt
from certgate_broker.identity import current_identity
from certgate_broker.policy import Policy
from certgate_broker.reasons import Reason
from certgate_certs.registry import Registry, RegistryError


class AdmittedPlugin(BaseAuthPlugin):
    """Lets those through whom certgate's listener has admitted, and nobody else."""

    async def authenticate(self, *, session: Session) -> bool | None:
        """Tell whether the connection being served was admitted with this client identifier.

        Args:
            session: amqtt's session; it may have been stored for an earlier connection.
        """
        identity = current_identity.get()
        return identity is not None and identity.client_id == session.client_id


class CertificateAuthPlugin(BaseAuthPlugin):
    """Checks device certificates against a certgate registry behind amqtt's own TLS listener.

    amqtt decides about sessions before it asks a plugin and keeps the TLS object of a persistent
    session's previous connection, so a resumed session is refused: nobody can know who is asking.
    What a plain listener cannot protect stands in the README.
    """

    @dataclass
    class Config:
        """The plugin's section of amqtt's configuration.

        Attributes:
            registry: path of a `registry.db`.
            instance: the instance whose CAs are asked.
        """

        registry: str
        instance: str = "post-cn-local"

    config: Config

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        self._registry: Registry | None = None
        self._opening = asyncio.Lock()

    async def authenticate(self, *, session: Session) -> bool | None:
        """Decide on a CONNECT by the certificate of its TLS connection.

        Args:
            session: amqtt's session.
        """
        attempt = _attempt(self.config.instance, session)
        try:
            registry = await self._open()
            verdict = await self._judge(registry, session)
            await registry.decisions.append([attempt.record(_now(), verdict)])
        except RegistryError as error:
            self.context.logger.warning("%s", error)
            return False
        return verdict.decision.accepted

    async def close(self) -> None:
        """Let go of the registry."""
        if self._registry is not None:
            await self._registry.close()

    async def _open(self) -> Registry:
        async with self._opening:
            if self._registry is None:
                self._registry = await Registry.open(Path(self.config.registry))
            return self._registry

    async def _judge(self, registry: Registry, session: Session) -> Verdict:
        if session.parent:
            return Verdict(Decision.refused(Reason.SESSION_RESUMED))
        tls = session.ssl_object
        der = None if tls is None else tls.getpeercert(binary_form=True)
        if tls is None or der is None:
            return Verdict.refused(Reason.NO_CLIENT_CERTIFICATE)
        presented = Presented(
            instance_id=self.config.instance,
            leaf_der=der,
            chain=_chain(tls),
            client_id=session.client_id or "",
        )
        return await Admission(registry, Policy(), _now).admit(presented)


def _attempt(instance_id: str, session: Session) -> Attempt:
    attempt = Attempt(instance_id, f"{session.remote_address}:{session.remote_port}")
    attempt.client_id = session.client_id or ""
    if session.ssl_object is not None and not session.parent:
        attempt.tls_version = session.ssl_object.version() or ""
        attempt.resumed = bool(session.ssl_object.session_reused)
    return attempt


def _chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    # Public from Python 3.13 on; the object below has had it since 3.10.
    owner = tls if hasattr(tls, "get_unverified_chain") else tls._sslobj  # type: ignore[attr-defined]  # noqa: SLF001
    chain = owner.get_unverified_chain() or []
    return tuple(
        item if isinstance(item, bytes) else item.public_bytes(ENCODING_DER) for item in chain[1:]
    )


def _now() -> int:
    return time.time_ns() // 1_000_000
