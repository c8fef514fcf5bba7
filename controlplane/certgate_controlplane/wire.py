"""The API's JSON: answers, records and error bodies, member by member as the pages print them."""

import json
import uuid
from collections.abc import Mapping

from certgate_certs.registry import CaCertificate, DeviceCertificate
from certgate_certs.view import CertificateView
from certgate_controlplane.errors import ApiError

CONTENT_TYPE = "application/json;charset=utf-8"
"""As the gateway writes it; the SDKs compare their XML counterpart letter by letter."""


def new_request_id() -> str:
    """Make a request id: an upper-case UUID."""
    return str(uuid.uuid4()).upper()


def ca_record(ca: CaCertificate) -> dict[str, str]:
    """Write a CA certificate; every member is a string (GetCaCertificate).

    Args:
        ca: the registered certificate.
    """
    return {
        "Sn": ca.sn,
        "CaName": ca.name,
        "CaContent": ca.content,
        "VerificationContent": ca.verification,
        "RegistrationCode": ca.registration_code,
        "Status": str(ca.status.value),
        "ValidBegin": str(ca.not_before),
        "ValidEnd": str(ca.not_after),
    }


def device_record(device: DeviceCertificate) -> dict[str, str]:
    """Write a device certificate; every member is a string (GetDeviceCertificate).

    The page's sample labels the PEM ``DEVICECERTIFICATE``; certgate writes ``CERTIFICATE``, which
    every tool reads.

    Args:
        device: the registered certificate.
    """
    return {
        "CaSn": device.ca_sn,
        "DeviceSn": device.sn,
        "DeviceName": device.name,
        "DeviceContent": CertificateView.from_der(device.der).pem(),
        "Status": str(device.status.value),
        "ValidBegin": str(device.not_before),
        "ValidEnd": str(device.not_after),
    }


def answer_body(request_id: str, members: Mapping[str, object]) -> bytes:
    """Write the body of a call that succeeded.

    Args:
        request_id: the call's id.
        members: what the action answers.
    """
    return _json({"RequestId": request_id, **members})


def error_body(request_id: str, host_id: str, error: ApiError) -> bytes:
    """Write the body of a call that was refused.

    Every member is a string: the Go SDK, and with it the aliyun command line, panics on others.

    Args:
        request_id: the call's id.
        host_id: the host that was called.
        error: what it is refused with.
    """
    recommend = (
        f"https://api.aliyun.com/troubleshoot?q={error.code}&product=OnsMqtt&requestId={request_id}"
    )
    return _json(
        {
            "RequestId": request_id,
            "HostId": host_id,
            "Code": error.code,
            "Message": error.message,
            "Recommend": recommend,
        }
    )


def _json(members: Mapping[str, object]) -> bytes:
    # ASCII only, so that nothing a caller sent can make an answer unwritable.
    return json.dumps(members, separators=(",", ":")).encode("ascii")
