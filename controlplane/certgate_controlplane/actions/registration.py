"""GetRegisterCode and RegisterCaCertificate: proof of possession, then registration."""

from collections.abc import Callable, Mapping

from certgate_certs.possession import examine_ca, examine_proof
from certgate_certs.registry import Application, Registration
from certgate_certs.view import CertificateError, CertificateView
from certgate_controlplane import errors
from certgate_controlplane.actions.reading import instance_id_of
from certgate_controlplane.context import Answer, Context
from certgate_controlplane.errors import ApiError
from certgate_controlplane.parameters import Parameters

_LONGEST_NAME = 256
_LONGEST_PEM = 64 * 1024
_KEY_LABEL = "PRIVATE KEY"

_REFUSALS: Mapping[Registration, Callable[[], ApiError]] = {
    Registration.CODE_UNKNOWN: errors.register_code_error,
    Registration.CODE_USED: errors.register_code_used,
    Registration.TOO_MANY: errors.ca_num_exceed,
    Registration.SN_TAKEN: errors.sn_not_unique,
}


async def get_register_code(context: Context, parameters: Parameters) -> Answer:
    """Hand out a new registration code; earlier ones stay good until they are used.

    Args:
        context: what to work with.
        parameters: ``MqttInstanceId``.

    Raises:
        ApiError: ParameterFieldCheckFailed, MqttInstanceNotFound.
    """
    instance_id = instance_id_of(parameters)
    context.require_instance(instance_id)
    return {"RegisterCode": await context.registry.codes.issue(instance_id)}


async def register_ca_certificate(context: Context, parameters: Parameters) -> Answer:
    """Register a CA certificate, active at once, whose key the caller proves to hold.

    The common name of the verification certificate is the registration code.

    Args:
        context: what to work with.
        parameters: ``MqttInstanceId``, ``CaName``, ``CaContent``, ``VerificationContent``.

    Raises:
        ApiError: ParameterFieldCheckFailed, MqttInstanceNotFound, CertificateContentError,
            RegisterCodeError, RegisterCodeUsed, CaNumExceed, SnNotUnique; nothing was changed.
    """
    instance_id = instance_id_of(parameters)
    name = parameters.text("CaName", _LONGEST_NAME)
    content = parameters.text("CaContent", _LONGEST_PEM)
    verification = parameters.text("VerificationContent", _LONGEST_PEM)
    context.require_instance(instance_id)
    ca, code = _proved(content, verification)
    application = Application(instance_id, name, ca, content, verification, code)
    outcome = await context.registry.cas.register(application, context.limits.cas_per_instance)
    refusal = _REFUSALS.get(outcome)
    if refusal is not None:
        raise refusal()
    return {"Sn": ca.sn}


def _proved(content: str, verification: str) -> tuple[CertificateView, str]:
    ca, proof = _readable(content), _readable(verification)
    # The code is the proof's common name; whether it was handed out is for the registry to say.
    if examine_ca(ca) or examine_proof(ca, proof, proof.common_name):
        raise errors.certificate_content_error()
    return ca, proof.common_name


def _readable(pem: str) -> CertificateView:
    if _KEY_LABEL in pem:  # What is registered is shown to whoever may list it.
        raise errors.certificate_content_error()
    try:
        return CertificateView.from_pem(pem)
    except CertificateError as error:
        raise errors.certificate_content_error() from error
