"""The registered CA certificates."""

import dataclasses

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_certs.registry import CaCertificate, Registration, Registry, Status
from certgate_certs.serial_number import SerialNumberError
from certgate_certs.view import CertificateView
from certs import odd
from certs.rows import INSTANCE, OTHER, application, bound_now, enrol, first_use, register


async def several(registry: Registry, number: int) -> list[CaCertificate]:
    """Register a number of CAs."""
    cas = [CertificateAuthority.create_root(f"CA {index}") for index in range(number)]
    return [await register(registry, ca) for ca in cas]


class TestRegister:
    """`CaCertificates.register`."""

    async def test_done(self, registry: Registry, root: CertificateAuthority) -> None:
        """Everything that was received can be read again, and the CA is active."""
        code = await registry.codes.issue(INSTANCE)
        asked = application(root, code)
        assert await registry.cas.register(asked, most=1) is Registration.DONE
        view = root.issued.view
        assert await registry.cas.find(INSTANCE, view.sn) == CaCertificate(
            id=1,
            instance_id=INSTANCE,
            sn=view.sn,
            name="name of it",
            status=Status.ACTIVE,
            der=view.der,
            content=root.pem,
            verification=asked.verification,
            registration_code=code,
            not_before=view.not_before,
            not_after=view.not_after,
        )

    async def test_an_unknown_code(self, registry: Registry, root: CertificateAuthority) -> None:
        """A code that nobody handed out registers nothing."""
        outcome = await registry.cas.register(application(root, "made-up"), most=1)
        assert outcome is Registration.CODE_UNKNOWN
        assert (await registry.cas.page(INSTANCE, 0, 1))[0] == 0

    async def test_a_used_code(self, registry: Registry, root: CertificateAuthority) -> None:
        """A code is good for one certificate, even after that certificate was deleted."""
        first = await register(registry, root)
        await registry.cas.delete(INSTANCE, first.sn)
        again = application(root, first.registration_code)
        assert await registry.cas.register(again, most=1) is Registration.CODE_USED

    async def test_too_many(self, registry: Registry, root: CertificateAuthority) -> None:
        """The limit counts each instance's own, and a refused code can be used later."""
        (first,) = await several(registry, 1)
        code = await registry.codes.issue(INSTANCE)
        asked = application(root, code)
        assert await registry.cas.register(asked, most=1) is Registration.TOO_MANY
        elsewhere = CertificateAuthority.create_root("Elsewhere")
        other = application(elsewhere, await registry.codes.issue(OTHER), OTHER)
        assert await registry.cas.register(other, most=1) is Registration.DONE
        await registry.cas.delete(INSTANCE, first.sn)
        assert await registry.cas.register(asked, most=1) is Registration.DONE

    async def test_a_serial_number_that_is_taken(
        self, registry: Registry, root: CertificateAuthority
    ) -> None:
        """A serial number names one CA, in whichever instance."""
        await register(registry, root)
        for instance_id in (INSTANCE, OTHER):
            asked = application(root, await registry.codes.issue(instance_id), instance_id)
            assert await registry.cas.register(asked, most=9) is Registration.SN_TAKEN
        assert (await registry.cas.page(OTHER, 0, 1))[0] == 0

    async def test_two_of_one_number(self, registry: Registry, root: CertificateAuthority) -> None:
        """Another certificate with the same serial number is refused as well."""
        number = root.certificate.serial_number
        ca = await register(registry, root)
        view = CertificateView.from_der(odd.self_issued(serial_number=number))
        asked = application(root, await registry.codes.issue(INSTANCE))
        outcome = await registry.cas.register(dataclasses.replace(asked, view=view), most=9)
        assert outcome is Registration.SN_TAKEN
        assert await registry.cas.find(INSTANCE, view.sn) == ca


class TestFind:
    """`CaCertificates.find`."""

    async def test_in_any_notation(self, registry: Registry) -> None:
        """Case, colons and leading zeros do not matter."""
        view = CertificateView.from_der(odd.self_issued(serial_number=0xF26900BA87))
        asked = application(CertificateAuthority.create_root("x"), await registry.codes.issue("i"))
        asked = dataclasses.replace(asked, view=view, instance_id="i")
        assert await registry.cas.register(asked, most=1) is Registration.DONE
        for sn in ("00f26900ba87", "F26900BA87", "00:f2:69:00:ba:87", "0000f26900ba87"):
            found = await registry.cas.find("i", sn)
            assert found is not None
            assert found.sn == "00f26900ba87"

    async def test_nowhere_else(self, registry: Registry, root: CertificateAuthority) -> None:
        """Another instance does not have it, another number is nobody's."""
        ca = await register(registry, root)
        assert await registry.cas.find(OTHER, ca.sn) is None
        assert await registry.cas.find(INSTANCE, "0") is None

    async def test_no_serial_number(self, registry: Registry) -> None:
        """What is no serial number is refused by every operation that takes one."""
        with pytest.raises(SerialNumberError):
            await registry.cas.find(INSTANCE, "%")
        with pytest.raises(SerialNumberError):
            await registry.cas.set_status(INSTANCE, "", Status.ACTIVE)
        with pytest.raises(SerialNumberError):
            await registry.cas.delete(INSTANCE, "0" * 129)


class TestPage:
    """`CaCertificates.page`."""

    async def test_page_by_page(self, registry: Registry) -> None:
        """Pages follow the order of registration and know how many there are in all."""
        cas = await several(registry, 5)
        assert await registry.cas.page(INSTANCE, 0, 2) == (5, cas[:2])
        assert await registry.cas.page(INSTANCE, 4, 2) == (5, cas[4:])
        assert await registry.cas.page(INSTANCE, 6, 2) == (5, [])

    async def test_nothing_there(self, registry: Registry) -> None:
        """Another instance has none."""
        await several(registry, 1)
        assert await registry.cas.page(OTHER, 0, 10) == (0, [])


class TestSetStatus:
    """`CaCertificates.set_status`."""

    async def test_there_and_back(self, registry: Registry, root: CertificateAuthority) -> None:
        """Each state can be set twice, and the answer shows the certificate as it is."""
        ca = await register(registry, root)
        for status in (Status.INACTIVE, Status.INACTIVE, Status.ACTIVE, Status.ACTIVE):
            changed = await registry.cas.set_status(INSTANCE, ca.sn.upper(), status)
            assert changed == dataclasses.replace(ca, status=status)
            assert await registry.cas.find(INSTANCE, ca.sn) == changed

    async def test_nobody_there(self, registry: Registry, root: CertificateAuthority) -> None:
        """An unknown certificate, or one of another instance, is not changed."""
        ca = await register(registry, root)
        assert await registry.cas.set_status(OTHER, ca.sn, Status.INACTIVE) is None
        assert await registry.cas.set_status(INSTANCE, "1", Status.INACTIVE) is None
        assert await registry.cas.find(INSTANCE, ca.sn) == ca


class TestDelete:
    """`CaCertificates.delete`."""

    async def test_with_all_that_belongs_to_it(
        self, registry: Registry, root: CertificateAuthority
    ) -> None:
        """Its devices and their client identifiers go too, those of others stay."""
        ca, (other,) = await register(registry, root), await several(registry, 1)
        leaf = root.issue_device("d").view
        await enrol(registry, ca, leaf, "gone")
        await enrol(registry, other, leaf, "stays")
        assert await registry.cas.delete(INSTANCE, ca.sn) == ca
        assert await registry.cas.find(INSTANCE, ca.sn) is None
        assert await registry.devices.page_of_ca(INSTANCE, ca.sn, 0, 10) == (0, [])
        assert bound_now(registry, "gone") is None
        assert bound_now(registry, "stays") is not None

    async def test_nobody_there(self, registry: Registry, root: CertificateAuthority) -> None:
        """What is not there, or is another instance's, is not deleted."""
        ca = await register(registry, root)
        assert await registry.cas.delete(OTHER, ca.sn) is None
        assert await registry.cas.find(INSTANCE, ca.sn) == ca
        assert await registry.cas.delete(INSTANCE, ca.sn) == ca
        assert await registry.cas.delete(INSTANCE, ca.sn) is None

    async def test_numbers_never_come_back(
        self, registry: Registry, root: CertificateAuthority
    ) -> None:
        """CA, device and ownership have new numbers when all is registered again."""
        leaf = root.issue_device("d").view
        seen = []
        for _ in range(2):
            ca = await register(registry, root)
            enrolled = await registry.devices.enrol(first_use(ca, leaf, "c"))
            assert enrolled is not None
            seen.append((ca.id, enrolled.device_id, enrolled.binding_id))
            await registry.cas.delete(INSTANCE, ca.sn)
        assert seen == [(1, 1, 1), (2, 2, 2)]
