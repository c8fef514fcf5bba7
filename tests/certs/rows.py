"""Rows to fill a registry with."""

from certgate_certs.authority import CertificateAuthority
from certgate_certs.chain import FOREVER, Path
from certgate_certs.registry import (
    Application,
    Binding,
    CaCertificate,
    FirstUse,
    Registration,
    Registry,
)
from certgate_certs.view import CertificateView

INSTANCE = "post-cn-one"
OTHER = "post-cn-two"
DIRECT = Path(anchor=0, between=(), valid_from=0, valid_until=FOREVER)


def application(ca: CertificateAuthority, code: str, instance_id: str = INSTANCE) -> Application:
    """Ask for the registration of a CA."""
    proof = ca.issue_verification(code).pem
    return Application(instance_id, "name of it", ca.issued.view, ca.pem, proof, code)


async def register(
    registry: Registry, ca: CertificateAuthority, instance_id: str = INSTANCE
) -> CaCertificate:
    """Register a CA and give its row."""
    code = await registry.codes.issue(instance_id)
    outcome = await registry.cas.register(application(ca, code, instance_id), most=100)
    assert outcome is Registration.DONE
    found = await registry.cas.find(instance_id, ca.issued.view.sn)
    assert found is not None
    return found


def first_use(
    ca: CaCertificate,
    view: CertificateView,
    client_id: str | None = None,
    *,
    device_id: int | None = None,
    bound: Binding | None = None,
) -> FirstUse:
    """Give the first use of a device that the CA issued directly."""
    path = DIRECT if device_id is None else None
    return FirstUse(ca.instance_id, ca.id, device_id, view, path, client_id, bound)


async def enrol(
    registry: Registry, ca: CaCertificate, view: CertificateView, client_id: str | None = None
) -> int:
    """Enrol a device and give its number."""
    enrolled = await registry.devices.enrol(first_use(ca, view, client_id))
    assert enrolled is not None
    return enrolled.device_id


def bound_now(registry: Registry, client_id: str) -> Binding | None:
    """Look up whom a client identifier belongs to."""
    return registry.standing.binding(INSTANCE, client_id)
