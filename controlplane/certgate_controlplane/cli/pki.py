"""``certgate pki``: CAs, devices and verification certificates for trying things out."""

from typing import Annotated

import typer

from certgate_certs.builder import KeyType
from certgate_controlplane.cli.odd import odd
from certgate_controlplane.cli.options import DEFAULT_STATE_DIR, StateDir
from certgate_controlplane.state import StateDirectory

pki = typer.Typer(
    help="Make CAs, devices and verification certificates. Not for anything real.",
    no_args_is_help=True,
    add_completion=False,
)
pki.command("odd")(odd)

Kind = Annotated[
    KeyType, typer.Option("--key-type", envvar="CERTGATE_KEY_TYPE", help="Kind of its key.")
]
Ca = Annotated[
    str, typer.Option("--ca", envvar="CERTGATE_CA", help="Name of a CA made with `pki ca`.")
]


@pki.command("ca")
def new_ca(
    name: Annotated[str, typer.Argument(help="Common name of the CA.")],
    key_type: Kind = KeyType.EC_P256,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Make a self-signed CA for devices."""
    pair = StateDirectory(state_dir).new_ca(name, key_type)
    _print(certificate=pair.certificate_file, key=pair.key_file)


@pki.command("device")
def new_device(
    name: Annotated[str, typer.Argument(help="Common name of the device.")],
    ca: Ca,
    key_type: Kind = KeyType.EC_P256,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Issue a device certificate."""
    pair = StateDirectory(state_dir).new_device(name, ca, key_type)
    _print(certificate=pair.certificate_file, chain=pair.chain_file, key=pair.key_file)


@pki.command("verification")
def new_verification(
    ca: Ca,
    code: Annotated[
        str,
        typer.Option("--code", envvar="CERTGATE_CODE", help="What GetRegisterCode answered."),
    ],
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Issue the certificate that proves possession of a CA's key."""
    _print(verification=StateDirectory(state_dir).verification(ca, code))


def _print(**files: object) -> None:
    for kind, file in files.items():
        typer.echo(f"{kind:12} {file}")
