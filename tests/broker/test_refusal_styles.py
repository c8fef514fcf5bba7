"""How a refusal looks to the client; its reason is recorded whatever the style."""

import asyncio
import contextlib
import ssl

import pytest

from broker.conftest import FIRST, House, Knock, OpenHouse, connect_packet, register
from certgate_broker.policy import Policy, RefusalStyle
from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate
from certgate_certs.registry import Status

VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
ANSWERS = {
    RefusalStyle.CONNACK_5: b"\x20\x02\x00\x05",
    RefusalStyle.CONNACK_4: b"\x20\x02\x00\x04",
    RefusalStyle.CLOSE: b"",
    RefusalStyle.ALERT: b"",
}


async def styled(open_house: OpenHouse, style: RefusalStyle) -> House:
    """Open a door that refuses in a style."""
    return await open_house(policy=Policy(refusal=style))


@VERSIONS
@pytest.mark.parametrize("style", list(RefusalStyle))
@pytest.mark.parametrize("state", ["unknown", "inactive"])
async def test_what_the_client_sees(
    open_house: OpenHouse,
    ca: CertificateAuthority,
    style: RefusalStyle,
    state: str,
    version: ssl.TLSVersion,
) -> None:
    """CONNACK 5, CONNACK 4, nothing, or a TLS alert; the record has reason, subject and serial."""
    house = await styled(open_house, style)
    if state == "inactive":
        await register(house.registry, ca)
        await house.registry.cas.set_status(FIRST, ca.issued.view.sn, Status.INACTIVE)
    issued = ca.issue_device("meter-1")
    context = house.context(issued, version)
    seen = await asyncio.to_thread(attempt, house.port, context)
    if style is RefusalStyle.ALERT:
        assert isinstance(seen, ssl.SSLError)
        assert "ALERT_UNKNOWN_CA" in str(seen).upper()
    else:
        assert seen == ANSWERS[style]
    (record,) = await house.records()
    assert record.reasons == (f"ca_{'inactive' if state == 'inactive' else 'not_registered'}",)
    if style is RefusalStyle.ALERT:  # Refused at the top of the chain, before the leaf is seen.
        assert record.detail == "no active CA for CN=CA of the tests: certificate verify failed"
    else:
        assert (record.subject, record.device_sn) == ("CN=meter-1", issued.view.sn)


def attempt(port: int, context: ssl.SSLContext) -> bytes | ssl.SSLError:
    """Connect and say CONNECT; give the answer, or the TLS error met on the way."""
    try:
        with contextlib.closing(Knock(port, context)) as knock:
            knock.tls.sendall(connect_packet("m"))
            return knock.tls.recv(4)
    except ssl.SSLError as error:
        return error


@VERSIONS
async def test_alert_for_a_leaf_alone(
    open_house: OpenHouse, ca: CertificateAuthority, version: ssl.TLSVersion
) -> None:
    """A device that sends no chain is named in the record of its alert."""
    house = await styled(open_house, RefusalStyle.ALERT)
    issued = ca.issue_device("meter-1")
    alone = IssuedCertificate(issued.certificate, issued.private_key)
    seen = await asyncio.to_thread(attempt, house.port, house.context(alone, version))
    assert "ALERT_UNKNOWN_CA" in str(seen).upper()
    (record,) = await house.records()
    assert record.reasons == ("ca_not_registered",)
    assert (record.subject, record.device_sn) == ("CN=meter-1", issued.view.sn)


@VERSIONS
async def test_alerts_let_the_good_pass(
    open_house: OpenHouse, ca: CertificateAuthority, version: ssl.TLSVersion
) -> None:
    """Devices of an active CA connect, directly issued or below an intermediate."""
    house = await styled(open_house, RefusalStyle.ALERT)
    await register(house.registry, ca)
    below = ca.issue_intermediate("below").issue_device("meter-2")
    for number, issued in enumerate([ca.issue_device("meter-1"), below]):
        answer = await house.ask(house.context(issued, version), connect_packet(f"m{number}"))
        assert answer == b"\x20\x02\x00\x00"


async def test_after_the_handshake_an_alert_is_silence(
    open_house: OpenHouse, ca: CertificateAuthority
) -> None:
    """An inactive device is hung up on: TLS has no alert left to give."""
    house = await styled(open_house, RefusalStyle.ALERT)
    await register(house.registry, ca)
    issued = ca.issue_device("meter-1")
    assert await house.ask(house.context(issued), connect_packet("m")) == b"\x20\x02\x00\x00"
    sns = (ca.issued.view.sn, issued.view.sn)
    await house.registry.devices.set_status(FIRST, *sns, Status.INACTIVE)
    assert await house.ask(house.context(issued), connect_packet("m")) == b""
    assert (await house.records())[-1].reasons == ("device_inactive",)


async def test_alert_while_the_registry_is_out_of_reach(
    open_house: OpenHouse, ca: CertificateAuthority
) -> None:
    """Nobody passes the handshake when nobody can be looked up."""
    house = await styled(open_house, RefusalStyle.ALERT)
    await register(house.registry, ca)
    context = house.context(ca.issue_device("meter-1"))
    house.registry.standing.close()
    seen = await asyncio.to_thread(attempt, house.port, context)
    assert isinstance(seen, ssl.SSLError)
    (record,) = await house.records()
    assert record.reasons == ("registry_unavailable",)


async def test_other_return_codes_stay(open_house: OpenHouse, ca: CertificateAuthority) -> None:
    """CONNACK 4 stands for 5 only: a protocol version is refused with 1 in that style too."""
    house = await styled(open_house, RefusalStyle.CONNACK_4)
    await register(house.registry, ca)
    packet = bytearray(connect_packet("m"))
    packet[8] = 5
    answer = await house.ask(house.context(ca.issue_device("meter-1")), bytes(packet))
    assert answer == b"\x20\x02\x00\x01"
