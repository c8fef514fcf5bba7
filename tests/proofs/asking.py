"""What proofs ask of a running lab, through the official SDK and the lab's own door."""

import json
import urllib.error
import urllib.request
from typing import Any

from alibabacloud_onsmqtt20200420 import models

from e2e.support import INSTANCE, Lab

Status = str | None
"""As the API writes it; None for a certificate that is not registered."""

GONE, INACTIVE, ACTIVE = None, "0", "1"
ADMITTED, REFUSED, UNAVAILABLE = 0, 5, 3
"""CONNACK return codes (MQTT 3.1.1, table 3.1)."""


class Wrong(Exception):  # noqa: N818  what a proof looks for
    """An answer that nothing explains."""


def request(action: str, **members: str) -> Any:
    """Make one of the SDK's requests.

    Args:
        action: the operation.
        members: its parameters, the instance apart.
    """
    return getattr(models, f"{action}Request")(mqtt_instance_id=INSTANCE, **members)


def activate(lab: Lab, sn: str) -> None:
    """Call ActiveCaCertificate."""
    lab.sdk.active_ca_certificate(request("ActiveCaCertificate", sn=sn))


def statuses(lab: Lab) -> dict[str, str]:
    """List the registered CAs with their status."""
    page = request("ListCaCertificate", page_no="1", page_size="100")
    data = lab.sdk.list_ca_certificate(page).body.data
    found = {item.sn: item.status for item in data.ca_certificate_vos}
    if data.total != len(found):
        raise Wrong(f"{data.total} CA certificates are counted and {len(found)} listed")
    return found


def devices_total(lab: Lab, ca_sn: str | None = None) -> int:
    """Ask how many devices there are, of one CA or of all."""
    page = {"page_no": "1", "page_size": "1"}
    if ca_sn is None:
        every = request("ListDeviceCertificate", **page)
        return int(lab.sdk.list_device_certificate(every).body.data.total)
    of_ca = request("ListDeviceCertificateByCaSn", **page, ca_sn=ca_sn)
    return int(lab.sdk.list_device_certificate_by_ca_sn(of_ca).body.data.total)


def own_door(lab: Lab, path: str) -> tuple[int, dict[str, Any]]:
    """Ask the lab's own door; give the HTTP status and the answer."""
    try:
        with urllib.request.urlopen(f"{lab.ready['api_url']}/_certgate/{path}") as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
