"""Admission: gather what is known, decide, and write what has to be there before anyone goes on."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from certgate_broker.decision import (
    Client,
    Decision,
    Leaf,
    Standing,
    decide,
)
from certgate_broker.identity import Identity
from certgate_broker.policy import IdentifierBinding, Policy
from certgate_broker.reasons import Reason
from certgate_certs.chain import Path, follow_chain, issuer_names, split_chain
from certgate_certs.registry import (
    CaCertificate,
    Enrolled,
    FirstUse,
    KnownDevice,
    Registry,
    RegistryUnavailable,
    Status,
)
from certgate_certs.rows import Issuer
from certgate_certs.view import CertificateError, CertificateView

_ATTEMPTS = 10
"""A decision that was overtaken is made anew this often; each time somebody else got on."""

Clock = Callable[[], int]
"""Gives milliseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Presented:
    """What a client came with.

    Attributes:
        instance_id: the instance asked for.
        leaf_der: the client certificate.
        chain: DER of what was sent after it; empty on a resumed session.
        client_id: the client identifier of its CONNECT.
        client_id_assigned: it sent none, and the broker chose one for this connection.
        signed: user name and password are a signature by a known access key.
    """

    instance_id: str
    leaf_der: bytes
    chain: tuple[bytes, ...]
    client_id: str
    client_id_assigned: bool = False
    signed: bool = False

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 over the client certificate."""
        return hashlib.sha256(self.leaf_der).digest()


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision with what it was made on.

    Attributes:
        decision: accepted or not, and why not.
        leaf: the certificate; None where it could not even be read.
        ca_sn: serial number of the CA it was judged by, or "".
        identity: who was admitted; None where nobody was.
    """

    decision: Decision
    leaf: Leaf | None = None
    ca_sn: str = ""
    identity: Identity | None = None

    @classmethod
    def refused(cls, *reasons: Reason) -> "Verdict":
        """Refuse before anything was found out."""
        return cls(Decision.refused(*reasons))


class Admission:
    """Decides who may connect.

    Args:
        registry: the registry.
        policy: what the operator chose.
        clock: the lab's clock.
    """

    def __init__(self, registry: Registry, policy: Policy, clock: Clock) -> None:
        self._registry = registry
        self._policy = policy
        self._clock = clock

    async def admit(self, presented: Presented) -> Verdict:
        """Decide on a connection; on return everything an admission rests on is committed.

        Args:
            presented: what the client came with.
        """
        try:
            return await self._admit(presented)
        except RegistryUnavailable:
            return Verdict.refused(Reason.REGISTRY_UNAVAILABLE)
        except CertificateError:
            return Verdict.refused(Reason.CERTIFICATE_UNACCEPTABLE)

    def issuer_trouble(self, instance_id: str, chain: Sequence[bytes]) -> Reason | None:
        """Say what can be said of a chain before its client has said CONNECT.

        Args:
            instance_id: the instance asked for.
            chain: DER of the certificates presented; unreadable ones are passed over.

        Returns:
            Why no CA may vouch for it, or None where one might.
        """
        try:
            cas = self._registry.standing.cas(instance_id)
        except RegistryUnavailable:
            return Reason.REGISTRY_UNAVAILABLE
        issuers = issuer_names(chain)
        named = [ca for ca in cas if CertificateView.from_der(ca.der).subject_der in issuers]
        if any(ca.status is Status.ACTIVE for ca in named):
            return None
        return Reason.CA_INACTIVE if named else Reason.CA_NOT_REGISTERED

    async def _admit(self, presented: Presented) -> Verdict:
        for _ in range(_ATTEMPTS):
            leaf, standing = self._look_up(presented)
            client = Client(presented.client_id, presented.signed)
            decision = decide(leaf, standing, client, self._clock(), self._policy)
            ca = standing.ca
            if ca is None or not decision.accepted:
                return Verdict(decision, leaf, "" if ca is None else ca.sn)
            enrolled = await self._enrol(presented, ca, standing)
            if enrolled is not None:
                identity = _identity(presented, leaf, ca, enrolled)
                return Verdict(decision, leaf, ca.sn, identity)
        raise RegistryUnavailable("the registry changes faster than a decision can be made")

    def _look_up(self, presented: Presented) -> tuple[Leaf, Standing]:
        reader = self._registry.standing
        which = (presented.instance_id, presented.fingerprint)
        known, binding = reader.look_up(*which, presented.client_id)
        found = _directly_issued(known)
        if found is None:
            with reader.moment():
                known = reader.known_devices(*which)
                found = self._follow(presented, known)
                binding = reader.binding(presented.instance_id, presented.client_id)
        leaf, standing = found
        return leaf, replace(
            standing,
            registrations=frozenset(item.device.id for item in known),
            inactive=any(item.device.status is Status.INACTIVE for item in known),
            binding=binding,
        )

    def _follow(self, presented: Presented, known: list[KnownDevice]) -> tuple[Leaf, Standing]:
        """Take the long way: parse the certificate and find out which CA vouches for it."""
        view = CertificateView.from_der(presented.leaf_der)
        cas = self._registry.standing.cas(presented.instance_id)
        stored = [der for item in known for der in split_chain(item.device.chain)]
        anchors = [CertificateView.from_der(ca.der) for ca in cas]
        findings = follow_chain(view, [*presented.chain, *stored], anchors)
        leaf = Leaf.from_view(view)
        if not findings.paths:
            return leaf, Standing(issuer_known=findings.issuer_known)
        ca, path = _answerable([(cas[path.anchor], path) for path in findings.paths])
        device = next((item.device for item in known if item.device.ca_id == ca.id), None)
        # A defect may be a serial number too long to be looked up; it refuses by itself.
        new = device is None and not view.defects
        taken = new and self._registry.standing.serial_taken(ca.id, view.sn)
        return leaf, Standing(ca=ca.issuer, path=path, device=device, serial_taken=taken)

    async def _enrol(self, presented: Presented, ca: Issuer, standing: Standing) -> Enrolled | None:
        # An identifier that the broker chose is nobody's; kept, such bindings would never end.
        first_use = self._policy.client_id_binding is IdentifierBinding.FIRST_USE
        free = presented.client_id_assigned or not first_use
        bound, device = None if free else standing.binding, standing.device
        owned = bound is not None and bound.device_id in standing.registrations
        if device is not None and (free or owned):
            return Enrolled(device.id, None if bound is None else bound.id)
        return await self._registry.devices.enrol(
            FirstUse(
                instance_id=presented.instance_id,
                ca_id=ca.id,
                device_id=None if device is None else device.id,
                view=CertificateView.from_der(presented.leaf_der),
                path=standing.path,
                client_id=None if free or owned else presented.client_id,
                bound=bound,
            )
        )


def _directly_issued(known: list[KnownDevice]) -> tuple[Leaf, Standing] | None:
    """Take the short way: a registration whose CA issued it directly and is active."""
    for item in known:
        if item.ca.status is Status.ACTIVE and not item.device.chain:
            return Leaf.from_row(item.device), Standing(ca=item.ca, device=item.device)
    return None


def _answerable(candidates: list[tuple[CaCertificate, Path]]) -> tuple[CaCertificate, Path]:
    """Choose the CA that answers: the nearest issuer, and of its registrations an active one."""
    nearest = min(len(path.between) for _, path in candidates)
    return max(
        (item for item in candidates if len(item[1].between) == nearest),
        key=lambda item: item[0].status,
    )


def _identity(presented: Presented, leaf: Leaf, ca: Issuer, enrolled: Enrolled) -> Identity:
    return Identity(
        instance_id=presented.instance_id,
        client_id=presented.client_id,
        ca_id=ca.id,
        ca_sn=ca.sn,
        device_id=enrolled.device_id,
        device_sn=leaf.sn,
        owner=enrolled.device_id if enrolled.binding_id is None else enrolled.binding_id,
    )
