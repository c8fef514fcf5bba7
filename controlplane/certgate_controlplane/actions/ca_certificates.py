"""The actions on registered CA certificates."""

from certgate_certs.registry import CaCertificate, Status
from certgate_controlplane.actions.reading import instance_id_of, page_answer, page_of
from certgate_controlplane.context import Answer, Context
from certgate_controlplane.errors import find_ca_by_sn_error
from certgate_controlplane.parameters import Parameters
from certgate_controlplane.wire import ca_record


async def get_ca_certificate(context: Context, parameters: Parameters) -> Answer:
    """Show one CA certificate.

    Args:
        context: what to work with.
        parameters: ``MqttInstanceId``, ``Sn``.

    Raises:
        ApiError: ParameterFieldCheckFailed, MqttInstanceNotFound, FindCaBySnError.
    """
    which = _asked(context, parameters)
    return {"Data": ca_record(_found(await context.registry.cas.find(*which)))}


async def list_ca_certificate(context: Context, parameters: Parameters) -> Answer:
    """List an instance's CA certificates in the order of their registration.

    Args:
        context: what to work with.
        parameters: ``MqttInstanceId``, ``PageNo`` from 1, ``PageSize`` from 1 to 100.

    Raises:
        ApiError: ParameterFieldCheckFailed, MqttInstanceNotFound.
    """
    instance_id, page = instance_id_of(parameters), page_of(parameters)
    context.require_instance(instance_id)
    total, cas = await context.registry.cas.page(instance_id, page.offset, page.size)
    return page_answer(page, total, "CaCertificateVOS", [ca_record(ca) for ca in cas])


async def active_ca_certificate(context: Context, parameters: Parameters) -> Answer:
    """Activate a CA certificate; one that is active stays so.

    Args:
        context: what to work with.
        parameters: ``MqttInstanceId``, ``Sn``.

    Raises:
        ApiError: ParameterFieldCheckFailed, MqttInstanceNotFound, FindCaBySnError.
    """
    return await _set_status(context, parameters, Status.ACTIVE)


async def inactivate_ca_certificate(context: Context, parameters: Parameters) -> Answer:
    """Inactivate a CA certificate; one that is inactive stays so.

    Args:
        context: what to work with.
        parameters: ``MqttInstanceId``, ``Sn``.

    Raises:
        ApiError: ParameterFieldCheckFailed, MqttInstanceNotFound, FindCaBySnError.
    """
    return await _set_status(context, parameters, Status.INACTIVE)


async def delete_ca_certificate(context: Context, parameters: Parameters) -> Answer:
    """Delete a CA certificate, active or not, with every device certificate registered under it.

    Args:
        context: what to work with.
        parameters: ``MqttInstanceId``, ``Sn``.

    Raises:
        ApiError: ParameterFieldCheckFailed, MqttInstanceNotFound, FindCaBySnError.
    """
    which = _asked(context, parameters)
    return {"Sn": _found(await context.registry.cas.delete(*which)).sn}


async def _set_status(context: Context, parameters: Parameters, status: Status) -> Answer:
    which = _asked(context, parameters)
    return {"Sn": _found(await context.registry.cas.set_status(*which, status)).sn}


def _asked(context: Context, parameters: Parameters) -> tuple[str, str]:
    instance_id = instance_id_of(parameters)
    sn = parameters.serial_number("Sn")
    context.require_instance(instance_id)
    return instance_id, sn


def _found(ca: CaCertificate | None) -> CaCertificate:
    if ca is None:
        raise find_ca_by_sn_error()
    return ca
