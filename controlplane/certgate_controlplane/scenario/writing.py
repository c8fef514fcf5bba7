"""Write a scenario: for people, for `diff`, and for being loaded again."""

import json
import re
import ssl
from typing import Any

from certgate_certs.chain import split_chain
from certgate_certs.registry import Contents, HeldCa, HeldCode, HeldDevice
from certgate_certs.view import CertificateView
from certgate_controlplane.scenario.document import FORMAT

_NOT_PLAIN = re.compile(r"[^\n\x20-\x7e]")


def write(contents: Contents, *, certificates: bool = True) -> str:
    """Write what a registry holds; the same contents give the same text.

    Args:
        contents: what it holds.
        certificates: with certificates, what proves their possession, and registration codes;
            without them, what can be read at a glance.
    """
    document: dict[str, Any] = {
        "certgate": FORMAT,
        "clock_offset_ms": contents.clock_offset_ms or 0,
        "cas": [_ca(ca, certificates) for ca in contents.cas],
    }
    if certificates and contents.codes:
        document["registration_codes"] = [_code(code) for code in contents.codes]
    text = json.dumps(document, indent=2, ensure_ascii=False)
    # A name may hold anything: a terminal must not obey it.
    return _NOT_PLAIN.sub(_escaped, text) + "\n"


def _ca(ca: HeldCa, certificates: bool) -> dict[str, Any]:
    written: dict[str, Any] = {
        "instance": ca.instance_id,
        "name": ca.name,
        "status": ca.status.name.lower(),
    }
    if certificates:
        written["certificate"] = _pem(ca.content)
        written["verification"] = _pem(ca.verification)
    if ca.devices:
        written["devices"] = [_device(device, certificates) for device in ca.devices]
    return written


def _device(device: HeldDevice, certificates: bool) -> dict[str, Any]:
    written: dict[str, Any] = {
        "name": CertificateView.from_der(device.der).common_name,
        "status": device.status.name.lower(),
    }
    if device.client_ids:
        written["client_identifiers"] = list(device.client_ids)
    if certificates:
        written["certificate"] = _pem(ssl.DER_cert_to_PEM_cert(device.der))
        chain = [_pem(ssl.DER_cert_to_PEM_cert(der)) for der in split_chain(device.chain)]
        if chain:
            written["chain"] = chain
    return written


def _code(code: HeldCode) -> dict[str, Any]:
    written: dict[str, Any] = {"instance": code.instance_id, "code": code.code}
    if code.used:
        written["used"] = True
    return written


def _pem(text: str) -> str | list[str]:
    """Give the lines, each of which counts as ended; a text that ends otherwise stays as it is."""
    return text[:-1].split("\n") if text.endswith("\n") else text


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    if character.isprintable():
        return character
    units = character.encode("utf-16-be").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))
