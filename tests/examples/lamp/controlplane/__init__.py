"""The lamp's own package of this name: what the back end does when a maker has lost a key."""

from alibabacloud_onsmqtt20200420 import models
from alibabacloud_onsmqtt20200420.client import Client


def shut_out(cloud: Client, instance_id: str, ca_sn: str) -> None:
    """Refuse every device of a maker."""
    cloud.inactivate_ca_certificate(
        models.InactivateCaCertificateRequest(mqtt_instance_id=instance_id, sn=ca_sn)
    )
