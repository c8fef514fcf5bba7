"""A device's first use: written as it was decided, or not at all."""

import dataclasses

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from certgate_certs.authority import CertificateAuthority
from certgate_certs.builder import KeyType, name_of
from certgate_certs.registry import (
    Binding,
    CaCertificate,
    DeviceCertificate,
    Enrolled,
    Registry,
    Status,
)
from certgate_certs.view import CertificateView
from certs import odd
from certs.rows import DIRECT, INSTANCE, OTHER, bound_now, enrol, first_use, register


@pytest.fixture
async def ca(registry: Registry, root: CertificateAuthority) -> CaCertificate:
    """Register the root."""
    return await register(registry, root)


@pytest.fixture
def leaf(root: CertificateAuthority) -> CertificateView:
    """Give a device's certificate."""
    return root.issue_device("meter-1").view


async def devices(registry: Registry, ca: CaCertificate) -> list[DeviceCertificate]:
    """List the devices of a CA."""
    total, found = await registry.devices.page_of_ca(INSTANCE, ca.sn, 0, 100)
    assert total == len(found)
    return found


class TestNewDevice:
    """Devices that are not registered yet."""

    async def test_registered_with_everything(
        self, registry: Registry, ca: CaCertificate, leaf: CertificateView
    ) -> None:
        """The row holds what the certificate says, and the certificates in between."""
        path = dataclasses.replace(DIRECT, between=(b"first", b"second"))
        use = dataclasses.replace(first_use(ca, leaf, "client"), path=path)
        assert await registry.devices.enrol(use) == Enrolled(device_id=1, binding_id=1)
        (device,) = await devices(registry, ca)
        assert device.id == 1
        assert (device.ca_id, device.ca_sn, device.sn) == (ca.id, ca.sn, leaf.sn)
        assert (device.name, device.status, device.der) == ("meter-1", Status.ACTIVE, leaf.der)
        assert (device.not_before, device.not_after) == (leaf.not_before, leaf.not_after)
        assert (device.subject, device.subject_der) == ("CN=meter-1", leaf.subject_der)
        assert device.chain == b"firstsecond"
        assert bound_now(registry, "client") == Binding(
            id=1, device_id=1, ca_id=ca.id, subject_der=leaf.subject_der, not_before=leaf.not_before
        )

    async def test_without_an_identifier(
        self, registry: Registry, ca: CaCertificate, leaf: CertificateView
    ) -> None:
        """A device can be registered and own nothing."""
        assert await registry.devices.enrol(first_use(ca, leaf)) == Enrolled(1, None)

    async def test_without_a_path(
        self, registry: Registry, ca: CaCertificate, leaf: CertificateView
    ) -> None:
        """To register a device without its path is a mistake of the caller."""
        with pytest.raises(ValueError, match="path to its CA"):
            await registry.devices.enrol(dataclasses.replace(first_use(ca, leaf), path=None))
        assert await devices(registry, ca) == []

    async def test_the_ca_became_inactive(
        self, registry: Registry, ca: CaCertificate, leaf: CertificateView
    ) -> None:
        """Nothing is written under a CA that is inactive by now."""
        await registry.cas.set_status(INSTANCE, ca.sn, Status.INACTIVE)
        assert await registry.devices.enrol(first_use(ca, leaf, "client")) is None
        assert await devices(registry, ca) == []
        assert bound_now(registry, "client") is None

    async def test_the_ca_was_deleted(
        self, registry: Registry, ca: CaCertificate, leaf: CertificateView
    ) -> None:
        """Nothing is written under a CA that is gone by now."""
        await registry.cas.delete(INSTANCE, ca.sn)
        assert await registry.devices.enrol(first_use(ca, leaf, "client")) is None
        assert bound_now(registry, "client") is None

    async def test_the_ca_was_registered_anew(
        self, registry: Registry, root: CertificateAuthority, ca: CaCertificate
    ) -> None:
        """What was decided by the old registration is not credited to the new one."""
        await registry.cas.delete(INSTANCE, ca.sn)
        anew = await register(registry, root)
        leaf = root.issue_device("meter-1").view
        assert await registry.devices.enrol(first_use(ca, leaf)) is None
        assert await devices(registry, anew) == []

    async def test_somebody_was_faster(
        self, registry: Registry, ca: CaCertificate, leaf: CertificateView
    ) -> None:
        """A device that another connection registered meanwhile is not registered twice."""
        await enrol(registry, ca, leaf)
        assert await registry.devices.enrol(first_use(ca, leaf, "client")) is None
        assert len(await devices(registry, ca)) == 1
        assert bound_now(registry, "client") is None

    async def test_the_serial_number_is_another_certificates(
        self, registry: Registry, ca: CaCertificate
    ) -> None:
        """One CA has one certificate of a number; another CA may have that number too."""
        one, two = (CertificateView.from_der(odd.self_issued(name_of(name))) for name in ("a", "b"))
        await enrol(registry, ca, one)
        assert await registry.devices.enrol(first_use(ca, two)) is None
        other = await register(registry, CertificateAuthority.create_root("Other"))
        assert await enrol(registry, other, two) == 2

    async def test_the_identifier_was_taken(
        self, registry: Registry, root: CertificateAuthority, ca: CaCertificate
    ) -> None:
        """Where the identifier is bound by now, the device is not registered either."""
        await enrol(registry, ca, root.issue_device("fast").view, "client")
        before = bound_now(registry, "client")
        slow = first_use(ca, root.issue_device("slow").view, "client")
        assert await registry.devices.enrol(slow) is None
        assert [device.name for device in await devices(registry, ca)] == ["fast"]
        assert bound_now(registry, "client") == before

    async def test_one_identifier_in_two_instances(
        self, registry: Registry, root: CertificateAuthority, ca: CaCertificate
    ) -> None:
        """Each instance has its own identifiers."""
        ca_there = CertificateAuthority.create_root("There")
        there = await register(registry, ca_there, OTHER)
        await enrol(registry, ca, root.issue_device("here").view, "client")
        await enrol(registry, there, ca_there.issue_device("there").view, "client")
        here = bound_now(registry, "client")
        assert here is not None
        assert here.ca_id == ca.id


class TestKnownDevice:
    """Devices that are registered and bind an identifier."""

    async def test_another_identifier(
        self, registry: Registry, ca: CaCertificate, leaf: CertificateView
    ) -> None:
        """A device may own several identifiers."""
        number = await enrol(registry, ca, leaf, "one")
        again = first_use(ca, leaf, "two", device_id=number)
        assert await registry.devices.enrol(again) == Enrolled(number, 2)
        assert len(await devices(registry, ca)) == 1

    @pytest.mark.parametrize("which", ["ca", "device", "neither"])
    async def test_something_became_inactive(
        self, registry: Registry, ca: CaCertificate, leaf: CertificateView, which: str
    ) -> None:
        """An inactive device, or one of an inactive CA, binds nothing."""
        number = await enrol(registry, ca, leaf)
        if which == "ca":
            await registry.cas.set_status(INSTANCE, ca.sn, Status.INACTIVE)
        if which == "device":
            await registry.devices.set_status(INSTANCE, ca.sn, leaf.sn, Status.INACTIVE)
        enrolled = await registry.devices.enrol(first_use(ca, leaf, "client", device_id=number))
        assert (enrolled is not None) is (which == "neither")
        assert (bound_now(registry, "client") is not None) is (which == "neither")

    async def test_the_device_was_deleted(
        self, registry: Registry, ca: CaCertificate, leaf: CertificateView
    ) -> None:
        """A registration that is gone binds nothing."""
        assert await registry.devices.enrol(first_use(ca, leaf, "client", device_id=7)) is None
        assert bound_now(registry, "client") is None


class TestTakeOver:
    """A newer certificate of the same device takes an identifier over."""

    async def test_the_number_of_the_ownership_stays(
        self, registry: Registry, root: CertificateAuthority, ca: CaCertificate
    ) -> None:
        """The identifier has a new owner and no new number, after a restart too."""
        await enrol(registry, ca, root.issue_device("d").view, "client")
        before = bound_now(registry, "client")
        assert before is not None
        newer = root.issue_device("d").view
        use = first_use(ca, newer, "client", bound=before)
        assert await registry.devices.enrol(use) == Enrolled(2, before.id)
        assert bound_now(registry, "client") == dataclasses.replace(
            before, device_id=2, not_before=newer.not_before
        )

    async def test_by_a_device_that_is_registered(
        self, registry: Registry, root: CertificateAuthority, ca: CaCertificate
    ) -> None:
        """The newer certificate may have been registered with another identifier before."""
        await enrol(registry, ca, root.issue_device("d").view, "client")
        newer = root.issue_device("d").view
        number = await enrol(registry, ca, newer)
        use = first_use(ca, newer, "client", device_id=number, bound=bound_now(registry, "client"))
        assert await registry.devices.enrol(use) == Enrolled(number, 1)

    async def test_somebody_took_it_over_meanwhile(
        self, registry: Registry, root: CertificateAuthority, ca: CaCertificate
    ) -> None:
        """Of two certificates that found the same owner one comes too late, and is not written."""
        await enrol(registry, ca, root.issue_device("d").view, "client")
        bound = bound_now(registry, "client")
        for expected in (Enrolled(2, 1), None):
            use = first_use(ca, root.issue_device("d").view, "client", bound=bound)
            assert await registry.devices.enrol(use) == expected
        assert len(await devices(registry, ca)) == 2

    async def test_the_owner_was_deleted_meanwhile(
        self, registry: Registry, root: CertificateAuthority, ca: CaCertificate
    ) -> None:
        """An ownership that is gone cannot be taken over."""
        old = root.issue_device("d").view
        await enrol(registry, ca, old, "client")
        use = first_use(
            ca, root.issue_device("d").view, "client", bound=bound_now(registry, "client")
        )
        await registry.devices.delete(INSTANCE, ca.sn, old.sn)
        assert await registry.devices.enrol(use) is None
        assert await devices(registry, ca) == []


class TestSecondCa:
    """A device that owns its identifier by one CA is registered newly under a second one.

    Both certificates hold the same key, so the identifier stays with the registration that has it.
    """

    @pytest.mark.parametrize("meanwhile", ["nothing", "deleted", "taken over"])
    async def test_the_binding_has_to_be_there(
        self, registry: Registry, root: CertificateAuthority, ca: CaCertificate, meanwhile: str
    ) -> None:
        """With the binding as it was found both are kept; without it nothing is written."""
        authority = CertificateAuthority.create_root("Second CA of the tests")
        request = signing_request("d")
        old, new = (each.sign_request(request).view for each in (root, authority))
        second = await register(registry, authority)
        number = await enrol(registry, ca, old, "client")
        bound = bound_now(registry, "client")
        assert bound is not None
        if meanwhile == "deleted":
            await registry.devices.delete(INSTANCE, ca.sn, old.sn)
        if meanwhile == "taken over":
            newer = first_use(ca, root.issue_device("d").view, "client", bound=bound)
            assert await registry.devices.enrol(newer) is not None
        before = bound_now(registry, "client")
        enrolled = await registry.devices.enrol(first_use(second, new, None, bound=bound))
        found = await devices(registry, second)
        if meanwhile == "nothing":
            assert enrolled == Enrolled(found[0].id, bound.id)
            assert (len(found), bound.device_id) == (1, number)
        else:
            assert enrolled is None
            assert found == []
        assert bound_now(registry, "client") == before


def signing_request(name: str) -> str:
    """Ask for a certificate of a new key, PEM."""
    draft = x509.CertificateSigningRequestBuilder(name_of(name))
    request = draft.sign(KeyType.EC_P256.generate(), hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()
