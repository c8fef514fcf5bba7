"""User name and password as the cloud's clients send them."""

import base64
import hashlib
import hmac

import pytest

from broker.conftest import FIRST, House, OpenHouse, register
from certgate_broker.connect import Connect
from certgate_broker.login import is_signed, nobody
from certgate_broker.policy import MqttAuth, Policy
from certgate_certs.authority import CertificateAuthority

SECRETS = {"LTAI-key": "a secret of the tests"}


def secret_of(access_key_id: str, instance_id: str) -> str | None:
    """Know one key of one instance."""
    return SECRETS.get(access_key_id) if instance_id == FIRST else None


def password(secret: str, client_id: str) -> bytes:
    """Sign a client identifier, written from the cloud's description."""
    return base64.b64encode(hmac.new(secret.encode(), client_id.encode(), hashlib.sha1).digest())


def connect(user_name: str | None, secret: str | None) -> Connect:
    """Make a CONNECT packet of client ``m``."""
    signed = None if secret is None else password(secret, "m")
    return Connect("m", False, True, 60, user_name, signed, None, b"")  # noqa: FBT003  as named


class TestSigned:
    """`is_signed`."""

    def test_right(self) -> None:
        """The right key, instance and client identifier."""
        packet = connect(f"Signature|LTAI-key|{FIRST}", SECRETS["LTAI-key"])
        assert is_signed(packet, FIRST, secret_of)

    @pytest.mark.parametrize(
        ("user_name", "secret"),
        [
            (None, None),
            ("", SECRETS["LTAI-key"]),
            (f"Signature|LTAI-key|{FIRST}", None),
            (f"Signature|LTAI-key|{FIRST}", "another secret"),
            (f"Signature|another-key|{FIRST}", SECRETS["LTAI-key"]),
            ("Signature|LTAI-key|another-instance", SECRETS["LTAI-key"]),
            (f"Signature|LTAI-key|{FIRST}|more", SECRETS["LTAI-key"]),
            ("Signature|LTAI-key", SECRETS["LTAI-key"]),
            (f"Token|LTAI-key|{FIRST}", SECRETS["LTAI-key"]),
        ],
    )
    def test_wrong(self, user_name: str | None, secret: str | None) -> None:
        """Anything else."""
        assert not is_signed(connect(user_name, secret), FIRST, secret_of)

    def test_nobody_knows_no_key(self) -> None:
        """Without access keys nothing is signed."""
        packet = connect(f"Signature|LTAI-key|{FIRST}", SECRETS["LTAI-key"])
        assert not is_signed(packet, FIRST, nobody)


class TestDoor:
    """The signature beside the certificate."""

    async def test_asked_for(self, open_house: OpenHouse, ca: CertificateAuthority) -> None:
        """Where it is asked for a certificate alone will not do."""
        policy = Policy(mqtt_auth=MqttAuth.CERTIFICATE_AND_SIGNATURE)
        house = await open_house(policy=policy, secret_of=secret_of)
        await register(house.registry, ca)
        issued = ca.issue_device("meter-1")
        without = house.device(issued, "m")
        assert (await without.connect())[0] == "Bad user name or password"
        await without.leave()
        assert (await house.records())[-1].reasons == ("signature_invalid",)
        signed = house.device(issued, "m")
        signature = password(SECRETS["LTAI-key"], "m").decode()
        signed.client.username_pw_set(f"Signature|LTAI-key|{FIRST}", signature)
        assert (await signed.connect())[0] == "Success"
        await signed.leave()

    async def test_not_asked_for(self, house: House, ca: CertificateAuthority) -> None:
        """Otherwise whatever the cloud's clients send is accepted beside the certificate."""
        device = house.device(ca.issue_device("meter-1"), "m")
        device.client.username_pw_set(f"Signature|unknown|{FIRST}", "nonsense")
        assert (await device.connect())[0] == "Success"
        await device.leave()
