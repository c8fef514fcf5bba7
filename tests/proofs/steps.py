"""Steps on a registry and its model: any certificate operation, right or wrong, any way to send it.

What is done is picked by a function, so that hypothesis can pick and shrink, and a seeded generator
can pick two hundred thousand times.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from certgate_certs.authority import CertificateAuthority
from certgate_certs.chain import FOREVER, Path
from certgate_certs.issued import IssuedCertificate
from certgate_certs.registry import FirstUse
from certgate_controlplane.catalogue import OPERATIONS
from controlplane.access.kit import (
    ACCOUNT,
    FOREIGN_INSTANCE,
    OWNERS,
    STYLES,
    VERSION,
)
from controlplane.harness import EMPTY_INSTANCE, INSTANCE, Reply
from proofs.registry_model import Outcome
from proofs.world import CERTIFICATE_OPERATIONS, World, assert_documented, facts_of, pool

Pick = Callable[[Sequence[Any]], Any]
"""Chooses one of several."""

MINE = {instance for instance, account in OWNERS.items() if account == ACCOUNT}
INSTANCES = (INSTANCE,) * 5 + (EMPTY_INSTANCE,) * 3 + (FOREIGN_INSTANCE, "post-cn-nowhere", "", " ")
PAGES = ("1",) * 5 + ("2", "3", "01", "999999999", "0", "", "-1", "1.0", "1000000000", "\uff11")
SIZES = ("1", "2", "10", "100", "001", "101", "0", "", "x", "1e1")
CLIENTS = (None, "GID_a@@@1", "GID_a@@@2", "GID_a@@@3")
DIRECT = Path(anchor=0, between=(), valid_from=0, valid_until=FOREVER)
# What leads to other states is done more often.
DONE = (
    *CERTIFICATE_OPERATIONS,
    *("GetRegisterCode",) * 3,
    *("RegisterCaCertificate",) * 6,
    *("connect",) * 6,
)


async def take_step(world: World, pick: Pick) -> tuple[str, Reply | None]:
    """Do something, follow it in the model, and compare; give its name and the answer."""
    done = pick(DONE)
    if done == "connect":
        await _connect(world, pick)
        world.assert_as_modelled()
        return done, None
    given = _parameters(world, done, pick)
    how = pick(("open", "open", "V3", "V1"))
    reply = await _send(world, done, given, how, pick)
    outcome = world.model.call(done, given, OWNERS if how == "open" else MINE)
    _compare(world, done, given, outcome, reply)
    world.assert_as_modelled()
    return done, reply


def _compare(
    world: World, action: str, given: Mapping[str, str], outcome: Outcome, reply: Reply
) -> None:
    code = assert_documented(reply)
    if isinstance(outcome, str):
        assert code == outcome, (action, given, code, outcome)
        return
    body = reply.body
    assert reply.status == 200, (action, given, code, outcome)
    body.pop("RequestId")
    if action == "GetRegisterCode":
        world.model.learn(body["RegisterCode"], given["MqttInstanceId"])
        outcome = {"RegisterCode": body["RegisterCode"]}
    assert body == outcome


def _parameters(world: World, action: str, pick: Pick) -> dict[str, str]:
    instance, ca_sn, device_sn = pick((_anything, _aimed))(world, pick)
    if action == "RegisterCaCertificate":
        return {"MqttInstanceId": instance} | _registration(world, instance, pick)
    given = {"MqttInstanceId": instance}
    if action.startswith("List"):
        given |= {"PageNo": pick(PAGES), "PageSize": pick(SIZES)}
        if action == "ListDeviceCertificateByCaSn":
            given["CaSn"] = _notation(ca_sn, pick)
    elif "Device" in action:
        given |= {"CaSn": _notation(ca_sn, pick), "DeviceSn": _notation(device_sn, pick)}
    elif action != "GetRegisterCode":
        given["Sn"] = _notation(ca_sn, pick)
    return given


def _anything(_world: World, pick: Pick) -> tuple[str, str, str]:
    """Pick an instance, a CA and a device that need not belong together."""
    ca, device = pick(pool().cas), pick(pool().devices)
    return pick(INSTANCES), facts_of(ca.issued).sn, facts_of(device).sn


def _aimed(world: World, pick: Pick) -> tuple[str, str, str]:
    """Pick a registered device, or else CA, and the instance where it is."""
    devices, cas = list(world.model.devices.values()), list(world.model.cas.values())
    if devices and pick((True, True, False)):
        device = pick(devices)
        return device.ca.instance, device.ca.facts.sn, device.facts.sn
    if cas:
        ca = pick(cas)
        return ca.instance, ca.facts.sn, facts_of(pick(pool().devices)).sn
    return _anything(world, pick)


def _registration(world: World, instance: str, pick: Pick) -> dict[str, str]:
    ca = pick(pool().cas)
    return {
        "CaName": pick(("ca",) * 6 + ("\u00e9 & = + %", "\U0001f600", "", "  ")),
        "CaContent": pick((ca.pem,) * 8 + ("", "x", ca.pem[40:])),
        "VerificationContent": _proof(world, ca, instance, pick),
    }


def _proof(world: World, ca: CertificateAuthority, instance: str, pick: Pick) -> str:
    how = pick(("fresh",) * 6 + ("used", "any", "unknown", "self", "other", "text"))
    if how == "self":
        return ca.pem
    if how == "text":
        return str(pick(("", "x", ca.pem[:-60], "-----BEGIN CERTIFICATE-----")))
    handed = world.model.codes.items()
    codes = {
        "fresh": [code for code, (there, used) in handed if there == instance and not used],
        "used": [code for code, (there, used) in handed if there == instance and used],
        "any": list(world.model.codes),  # In their order: sorted, chance would choose among them.
    }
    code = pick(codes.get(how, codes["fresh"])[-8:] or ["never handed out"])
    signer = pick(pool().cas) if how == "other" else ca
    return world.prove(signer, "unknown" if how == "unknown" else code)


def _notation(sn: str, pick: Pick) -> str:
    colons = ":".join(sn[at : at + 2] for at in range(0, len(sn), 2))
    good = (sn, sn, sn, sn.upper(), colons, f"0000{sn}", sn.lstrip("0"), sn.rjust(128, "0"))
    bad = ("ab", "0", "", ":", "xyz", f"0x{sn}", f"{sn} ", f"-{sn}", "f" * 129, "\u0661")
    return str(pick(good * 3 + bad))


async def _send(world: World, action: str, given: dict[str, str], how: str, pick: Pick) -> Reply:
    method = pick(sorted(OPERATIONS[action].methods))
    if how != "open":
        nonce = f"nonce-{next(world.nonces)}"
        return await STYLES[how](action, given, method=method, nonce=nonce).send(world.signed)
    named = {"Action": action, "Version": VERSION}
    headers, query, form = [("host", "localhost")], dict(given), {}
    if pick((True, False)):
        headers += [(f"x-acs-{name.lower()}", value) for name, value in named.items()]
    else:
        query |= named
    if method == "POST" and pick((True, False)):
        headers.append(("content-type", "application/x-www-form-urlencoded"))
        form, query = query, {}
    body = urlencode(form).encode()
    return await world.open.send(method, urlencode(query).encode(), headers, [body])


def _any_device(pick: Pick) -> tuple[int, IssuedCertificate]:
    return int(facts_of(pick(pool().cas).issued).sn, 16), pick(pool().devices)


def _registered_device(world: World, pick: Pick) -> tuple[int, IssuedCertificate]:
    if not world.model.devices:
        return _any_device(pick)
    ca_sn, sn = pick(list(world.model.devices))
    return ca_sn, next(each for each in pool().devices if int(facts_of(each).sn, 16) == sn)


async def _connect(world: World, pick: Pick) -> None:
    """Write what a broker writes when it admits a device, a registered one or a new one."""
    sn, device = _registered_device(world, pick) if pick((False, True)) else _any_device(pick)
    facts, client_id = facts_of(device), pick(CLIENTS)
    ca_id, model = world.ca_id(sn), world.model
    key = (sn, int(facts.sn, 16))
    instance = model.cas[sn].instance if sn in model.cas else INSTANCE
    device_id = world.device_id(ca_id, facts.sn) if key in model.devices else None
    if device_id is not None and pick((True, False)):
        first = FirstUse(instance, ca_id, device_id, device.view, None, client_id, None)
        expected = model.use(key, client_id)
    else:
        first = FirstUse(instance, ca_id, None, device.view, DIRECT, client_id, None)
        expected = model.enrol(sn, facts, client_id)
    assert (await world.registry.devices.enrol(first) is not None) is expected
