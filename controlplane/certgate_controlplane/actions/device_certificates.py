"""The actions on registered device certificates.

None of their pages lists FindCaBySnError, so a CA that is not there is FindDeviceBySnError too.
"""

from certgate_certs.registry import DeviceCertificate, Status
from certgate_controlplane.actions.reading import instance_id_of, page_answer, page_of
from certgate_controlplane.context import Answer, Context
from certgate_controlplane.errors import find_device_by_sn_error
from certgate_controlplane.parameters import Parameters
from certgate_controlplane.wire import device_record

_RECORDS = "DeviceCertificateVOS"


async def list_device_certificate(context: Context, parameters: Parameters) -> Answer:
    """List an instance's device certificates in the order of their registration.

    Args:
        context: what to work with.
        parameters: ``MqttInstanceId``, ``PageNo`` from 1, ``PageSize`` from 1 to 100.

    Raises:
        ApiError: ParameterFieldCheckFailed, MqttInstanceNotFound.
    """
    instance_id, page = instance_id_of(parameters), page_of(parameters)
    context.require_instance(instance_id)
    total, devices = await context.registry.devices.page(instance_id, page.offset, page.size)
    return page_answer(page, total, _RECORDS, [device_record(device) for device in devices])


async def list_device_certificate_by_ca_sn(context: Context, parameters: Parameters) -> Answer:
    """List the device certificates of one CA in the order of their registration.

    Args:
        context: what to work with.
        parameters: ``MqttInstanceId``, ``CaSn``, ``PageNo`` from 1, ``PageSize`` from 1 to 100.

    Raises:
        ApiError: ParameterFieldCheckFailed, MqttInstanceNotFound, FindDeviceBySnError.
    """
    instance_id, ca_sn = instance_id_of(parameters), parameters.serial_number("CaSn")
    page, registry = page_of(parameters), context.registry
    context.require_instance(instance_id)
    if await registry.cas.find(instance_id, ca_sn) is None:
        raise find_device_by_sn_error()
    total, devices = await registry.devices.page_of_ca(instance_id, ca_sn, page.offset, page.size)
    return page_answer(page, total, _RECORDS, [device_record(device) for device in devices])


async def get_device_certificate(context: Context, parameters: Parameters) -> Answer:
    """Show one device certificate.

    Args:
        context: what to work with.
        parameters: ``MqttInstanceId``, ``CaSn``, ``DeviceSn``.

    Raises:
        ApiError: ParameterFieldCheckFailed, MqttInstanceNotFound, FindDeviceBySnError.
    """
    which = _asked(context, parameters)
    return {"Data": device_record(_found(await context.registry.devices.find(*which)))}


async def active_device_certificate(context: Context, parameters: Parameters) -> Answer:
    """Activate a device certificate; one that is active stays so.

    Args:
        context: what to work with.
        parameters: ``MqttInstanceId``, ``CaSn``, ``DeviceSn``.

    Raises:
        ApiError: ParameterFieldCheckFailed, MqttInstanceNotFound, FindDeviceBySnError.
    """
    return await _set_status(context, parameters, Status.ACTIVE)


async def inactivate_device_certificate(context: Context, parameters: Parameters) -> Answer:
    """Inactivate a device certificate; one that is inactive stays so.

    Args:
        context: what to work with.
        parameters: ``MqttInstanceId``, ``CaSn``, ``DeviceSn``.

    Raises:
        ApiError: ParameterFieldCheckFailed, MqttInstanceNotFound, FindDeviceBySnError.
    """
    return await _set_status(context, parameters, Status.INACTIVE)


async def delete_device_certificate(context: Context, parameters: Parameters) -> Answer:
    """Delete a device certificate's record; the certificate may register itself again.

    Args:
        context: what to work with.
        parameters: ``MqttInstanceId``, ``CaSn``, ``DeviceSn``.

    Raises:
        ApiError: ParameterFieldCheckFailed, MqttInstanceNotFound, FindDeviceBySnError.
    """
    which = _asked(context, parameters)
    return {"DeviceSn": _found(await context.registry.devices.delete(*which)).sn}


async def _set_status(context: Context, parameters: Parameters, status: Status) -> Answer:
    which = _asked(context, parameters)
    changed = await context.registry.devices.set_status(*which, status)
    return {"DeviceSn": _found(changed).sn}


def _asked(context: Context, parameters: Parameters) -> tuple[str, str, str]:
    instance_id = instance_id_of(parameters)
    ca_sn = parameters.serial_number("CaSn")
    device_sn = parameters.serial_number("DeviceSn")
    context.require_instance(instance_id)
    return instance_id, ca_sn, device_sn


def _found(device: DeviceCertificate | None) -> DeviceCertificate:
    if device is None:
        raise find_device_by_sn_error()
    return device
