"""The lamp as paho-mqtt sees the world, and the back end that shuts its maker out."""

import threading

import pytest

from broker import status_topic
from certgate import Lab
from controlplane import shut_out


def test_lamp_reports_until_its_maker_is_shut_out(certgate_lab: Lab, serial: str) -> None:
    """A status arrives; after the back end's call the lamp does not get in again."""
    maker = certgate_lab.new_ca("maker")
    lamp, hub = (certgate_lab.new_device(name, maker) for name in (serial, "hub"))
    heard, ready = threading.Event(), threading.Event()
    listener = hub.paho_client()
    listener.on_connect = lambda client, *_: client.subscribe(status_topic(serial), qos=1)
    listener.on_subscribe = lambda *_: ready.set()
    listener.on_message = lambda *_: heard.set()
    listener.connect(certgate_lab.host, certgate_lab.port)
    listener.loop_start()
    assert ready.wait(10)
    sender = lamp.paho_client()
    sender.connect(certgate_lab.host, certgate_lab.port)
    sender.loop_start()
    sender.publish(status_topic(serial), b"on", qos=1).wait_for_publish(10)
    assert heard.wait(10)
    shut_out(certgate_lab.sdk_client(), certgate_lab.instance_id, maker.sn)
    certgate_lab.assert_refused(lamp, reason="ca_inactive")
    for client in (sender, listener):
        client.disconnect()
        client.loop_stop()
        client.on_connect = client.on_subscribe = client.on_message = None


@pytest.mark.certgate(live_sessions="close")
def test_open_connection_is_closed(certgate_lab: Lab) -> None:
    """With live sessions closed, the lamp loses its connection at once."""
    maker = certgate_lab.new_ca("maker")
    connection = certgate_lab.connect(certgate_lab.new_device("lamp", maker))
    certgate_lab.inactivate(maker)
    certgate_lab.assert_closed_within(connection, ms=5000)
    connection.close()
