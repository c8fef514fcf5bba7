"""The operations on connected clients: what an incident runbook needs beside the certificates.

Their pages have no error table of their own; the general error page's codes apply.
"""

import secrets

from certgate_controlplane import errors
from certgate_controlplane.context import Answer, Context
from certgate_controlplane.errors import ApiError
from certgate_controlplane.parameters import Parameters

_LONGEST_NAME = 256
_LONGEST_TOPIC = 128
_LONGEST_PAYLOAD = 64 * 1024
_MOST_CLIENTS = 100
_RUNNING = 5
_ENTERPRISE_PLATINUM = 5


async def close_connection(context: Context, parameters: Parameters) -> Answer:
    """Close a client's connection; the client may come back. One that has none is no error.

    Args:
        context: what to work with.
        parameters: ``InstanceId``, ``ClientId``.

    Raises:
        ApiError: ParameterCheckFailed, InstancePermissionCheckFailed.
    """
    instance_id = _instance_of(context, parameters)
    client_id = _text(parameters, "ClientId", _LONGEST_NAME)
    await context.clients.close(instance_id, client_id)
    return {"Code": 200, "Message": "operation success.", "Success": True}


async def query_session_by_client_id(context: Context, parameters: Parameters) -> Answer:
    """Tell whether a client is connected.

    Args:
        context: what to work with.
        parameters: ``InstanceId``, ``ClientId``.

    Raises:
        ApiError: ParameterCheckFailed, InstancePermissionCheckFailed.
    """
    instance_id = _instance_of(context, parameters)
    client_id = _text(parameters, "ClientId", _LONGEST_NAME)
    return {"OnlineStatus": client_id in await context.clients.online(instance_id, [client_id])}


async def batch_query_session_by_client_ids(context: Context, parameters: Parameters) -> Answer:
    """Tell which of several clients are connected, in the order of the question.

    Args:
        context: what to work with.
        parameters: ``InstanceId``, ``ClientIdList.1``, ``ClientIdList.2`` and so on.

    Raises:
        ApiError: ParameterCheckFailed, InstancePermissionCheckFailed.
    """
    instance_id = _instance_of(context, parameters)
    given = {name for name, _ in parameters.pairs() if name.startswith("ClientIdList.")}
    if not 1 <= len(given) <= _MOST_CLIENTS:
        raise errors.parameter_check_failed()
    # Where a number is left out, one of these is missing.
    names = [f"ClientIdList.{number + 1}" for number in range(len(given))]
    client_ids = [_text(parameters, name, _LONGEST_NAME) for name in names]
    online = await context.clients.online(instance_id, client_ids)
    return {
        "OnlineStatusList": [
            {"ClientId": client_id, "OnlineStatus": client_id in online} for client_id in client_ids
        ]
    }


async def send_message(context: Context, parameters: Parameters) -> Answer:
    """Publish a message; a topic ``…/p2p/<client identifier>`` reaches that client unsubscribed.

    Args:
        context: what to work with.
        parameters: ``InstanceId``, ``MqttTopic``, ``Payload``.

    Raises:
        ApiError: ParameterCheckFailed, InstancePermissionCheckFailed.
    """
    instance_id = _instance_of(context, parameters)
    topic = _text(parameters, "MqttTopic", _LONGEST_TOPIC)
    payload = _text(parameters, "Payload", _LONGEST_PAYLOAD)
    if topic.startswith("$") or not {"+", "#"}.isdisjoint(topic):
        raise errors.parameter_check_failed()
    await context.clients.send(instance_id, topic, payload)
    return {"MsgId": secrets.token_hex(16).upper()}


async def list_instances(context: Context, _: Parameters) -> Answer:
    """List the lab's instances as the cloud lists those of an account.

    Args:
        context: what to work with.
    """
    return {
        "Code": "200",
        "Message": "operation success.",
        "Success": "true",
        "Instances": [_instance(instance_id) for instance_id in context.own_instances()],
    }


def _instance(instance_id: str) -> dict[str, object]:
    return {
        "InstanceId": instance_id,
        "InstanceName": instance_id,
        "InstanceStatus": _RUNNING,
        "InstanceType": _ENTERPRISE_PLATINUM,
        "KernelVersion": "certgate",
        "RegionId": "local",
        "OrderId": "",
        "Specific": "",
        "CreateTime": 0,
        "ExpireTime": 0,
        "MqttTags": [],
    }


def _instance_of(context: Context, parameters: Parameters) -> str:
    instance_id = _text(parameters, "InstanceId", _LONGEST_NAME)
    try:
        context.require_instance(instance_id)
    except ApiError as refusal:
        # MqttInstanceNotFound and MqttOwnerCheckError belong to the certificate operations.
        raise errors.instance_permission_check_failed() from refusal
    return instance_id


def _text(parameters: Parameters, name: str, most: int) -> str:
    try:
        return parameters.text(name, most)
    except ApiError as refusal:
        raise errors.parameter_check_failed() from refusal
