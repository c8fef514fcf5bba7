"""Decision records and registration codes."""

import re
import uuid
from dataclasses import replace

import pytest

from certgate_certs.authority import CertificateAuthority
from certgate_certs.registry import DecisionRecord, Registration, Registry, RegistryUnavailable
from certs.rows import INSTANCE, OTHER, application

REFUSED = DecisionRecord(
    at=1_700_000_000_123,
    instance_id=INSTANCE,
    client_id="GID_a@@@'; DROP TABLE decision; --",
    remote_address="127.0.0.1:50000",
    tls_version="TLSv1.3",
    resumed=True,
    subject="CN=Zähler",
    ca_sn="00ff",
    device_sn="01",
    accepted=False,
    reasons=("ca_inactive", "certificate_expired"),
    detail="words of the library",
)
ACCEPTED = DecisionRecord(
    at=1_700_000_000_124,
    instance_id=INSTANCE,
    client_id="",
    remote_address="[::1]:50000",
    tls_version="",
    resumed=False,
    subject="",
    ca_sn="",
    device_sn="",
    accepted=True,
    reasons=(),
)


class TestDecisionRecords:
    """`DecisionRecords`."""

    async def test_there_and_back(self, registry: Registry) -> None:
        """Every field comes back as it was, in the order of the decisions."""
        await registry.decisions.append([REFUSED, ACCEPTED])
        assert await registry.decisions.since(0, 10) == [(1, REFUSED), (2, ACCEPTED)]

    async def test_page_by_page(self, registry: Registry) -> None:
        """A reader goes on behind the last number it has seen."""
        await registry.decisions.append([REFUSED] * 3)
        await registry.decisions.append([ACCEPTED])
        first = await registry.decisions.since(0, 2)
        rest = await registry.decisions.since(first[-1][0], 10)
        assert [number for number, _ in first + rest] == [1, 2, 3, 4]
        assert await registry.decisions.since(4, 10) == []

    @pytest.mark.parametrize("count", [1, 499, 500, 501, 5_000])
    async def test_as_many_as_there_are(self, registry: Registry, count: int) -> None:
        """Any number of records is written, in their order."""
        records = [replace(REFUSED, at=number) for number in range(count)]
        await registry.decisions.append(records)
        found = await registry.decisions.since(0, 10_000)
        assert found == list(enumerate(records, 1))

    async def test_all_or_nothing(self, registry: Registry) -> None:
        """Where one of many cannot be written none is, however they are written."""
        good = [replace(REFUSED, at=number) for number in range(700)]
        for wrong in (good[:1], good):
            spoilt = replace(REFUSED, at=None)  # type: ignore[arg-type]
            with pytest.raises(RegistryUnavailable, match="NOT NULL"):
                await registry.decisions.append([*wrong, spoilt])
        assert await registry.decisions.since(0, 10) == []

    async def test_from_an_era_before(self, registry: Registry) -> None:
        """Records of an earlier era are dropped, one or many."""
        registry.decisions.era = -1
        for count in (1, 700):
            await registry.decisions.append([REFUSED] * count)
        registry.decisions.era = 0
        await registry.decisions.append([ACCEPTED])
        assert [record for _, record in await registry.decisions.since(0, 10)] == [ACCEPTED]

    async def test_nothing_to_write(self, registry: Registry) -> None:
        """An empty batch is no error."""
        await registry.decisions.append([])
        assert await registry.decisions.since(0, 10) == []


class TestRegistrationCodes:
    """`RegistrationCodes`."""

    async def test_form(self, registry: Registry) -> None:
        """A lower-case UUID followed by 16 digits, good for a common name."""
        code = await registry.codes.issue(INSTANCE)
        assert str(uuid.UUID(code[:36])) == code[:36]
        assert re.fullmatch(r"[0-9]{16}", code[36:])

    async def test_no_two_are_alike(self, registry: Registry) -> None:
        """Each call hands out another one."""
        codes = [await registry.codes.issue(INSTANCE) for _ in range(20)]
        assert len(set(codes)) == 20

    async def test_a_code_is_good_for_its_instance_only(
        self, registry: Registry, root: CertificateAuthority
    ) -> None:
        """Another instance does not know it, and it stays unused."""
        code = await registry.codes.issue(OTHER)
        here, there = application(root, code), application(root, code, OTHER)
        assert await registry.cas.register(here, most=1) is Registration.CODE_UNKNOWN
        assert await registry.cas.register(there, most=1) is Registration.DONE
