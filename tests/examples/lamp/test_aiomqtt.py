"""The lamp with aiomqtt, in an event loop that is shared with the lab."""

import aiomqtt
import pytest

from certgate import AsyncLab


async def test_expired_lamp() -> None:
    """A lamp that comes back after 400 days needs a new certificate."""
    async with AsyncLab() as lab:
        maker = await lab.new_ca("maker")
        lamp = await lab.new_device("lamp", maker)
        client = aiomqtt.Client(
            lab.host, lab.port, identifier=lamp.client_id, tls_context=lamp.ssl_context()
        )
        async with client:
            await client.publish("lamps/lamp/status", b"on", qos=1)
        await lab.clock.advance(days=400)
        with pytest.raises(aiomqtt.MqttError):
            async with client:
                pass
        decision = await lab.wait_for_decision(lamp, accepted=False)
        assert decision.reasons == ("certificate_expired",)
