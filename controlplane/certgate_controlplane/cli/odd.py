"""``certgate pki odd``: certificates with something odd about them, and what becomes of each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from certgate_certs.authority import CertificateAuthority
from certgate_certs.issued import IssuedCertificate
from certgate_certs.odd import KINDS, OddCase, OddDevice, OddKind
from certgate_controlplane.cli.options import DEFAULT_STATE_DIR, StateDir
from certgate_controlplane.key_files import KeyPair
from certgate_controlplane.state import StateDirectory

Lines = Iterator[tuple[str, str | Path]]


def odd(
    kind: Annotated[str | None, typer.Argument(help="Kind; none: list the kinds.")] = None,
    name: Annotated[str | None, typer.Argument(help="Common name of the device.")] = None,
    ca: Annotated[
        str | None,
        typer.Option("--ca", envvar="CERTGATE_CA", help="Name of a CA made with `pki ca`."),
    ] = None,
    every: Annotated[
        bool,
        typer.Option(
            "--all", envvar="CERTGATE_ALL", help="Make one of every kind, named after its kind."
        ),
    ] = False,
    state_dir: StateDir = DEFAULT_STATE_DIR,
) -> None:
    """Issue a device certificate with something odd about it, or list what there is."""
    wanted = _wanted(kind, name, every=every)
    if not wanted:
        _list()
        return
    if ca is None:
        raise typer.BadParameter("name the CA that shall issue it", param_hint="--ca")
    for each, device in wanted:
        for label, value in _issue(StateDirectory(state_dir), each, device, ca):
            typer.echo(f"{label:12} {value}")


def _wanted(kind: str | None, name: str | None, *, every: bool) -> list[tuple[OddKind, str]]:
    """Say what is to be made, and for devices of which names; nothing where nothing is named."""
    if every:
        if kind is not None:
            raise typer.BadParameter("takes no KIND beside it", param_hint="--all")
        return [(each, each.name) for each in KINDS.values()]
    if kind is None:
        return []
    if kind not in KINDS:
        message = f"there is no kind {kind!r}; `pki odd` lists what there is"
        raise typer.BadParameter(message, param_hint="KIND")
    if name is None:
        raise typer.BadParameter("name the device", param_hint="NAME")
    return [(KINDS[kind], name)]


def _list() -> None:
    width = max(map(len, KINDS))
    for kind in KINDS.values():
        typer.echo(f"{kind.name:{width}}  {kind.odd}\n{'':{width}}  {kind.outcome}")


def _issue(state: StateDirectory, kind: OddKind, name: str, ca: str) -> Lines:
    # The name is checked and the folder made as for any device; then its files are exchanged.
    pair = state.new_device(name, ca)
    issuer = state.ca(ca)
    case = kind.make(issuer, name)
    _exchange(pair, case.device)
    yield "kind", kind.name
    yield "certificate", pair.certificate_file
    yield "chain", pair.chain_file
    yield "key", pair.key_file
    yield from _around(state, case, (ca, issuer), name)
    yield "outcome", kind.outcome


def _around(
    state: StateDirectory, case: OddCase, given: tuple[str, CertificateAuthority], name: str
) -> Lines:
    """Write what the case needs beside the device, and say what has to be done with it."""
    ca, issuer = given
    for each in case.cas:
        if each is not issuer:
            _exchange(state.new_ca(f"{name}-ca"), each.issued)
        yield "register", ca if each is issuer else f"{name}-ca"
    if case.before is not None:
        pair = state.new_device(f"{name}-first", ca)
        _exchange(pair, case.before)
        yield "connect", pair.chain_file
    for each in case.inactive:
        yield "inactivate", ca if each is issuer else f"{name}-ca"


def _exchange(pair: KeyPair, made: OddDevice | IssuedCertificate) -> None:
    pair.certificate_file.write_text(made.pem)
    pair.chain_file.write_text(made.chain_pem)
    pair.key_file.write_text(made.key_pem)
