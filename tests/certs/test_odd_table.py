"""The outcomes of odd certificates, as they are written down and said."""

from pathlib import Path

import pytest

from certgate_broker.reasons import Reason
from certgate_certs.odd import KINDS, OddKind

TABLE = Path(__file__).parents[2] / "certs" / "odd-certificates.md"


def test_table_is_the_catalogue() -> None:
    """Every kind has its row in the documentation, and no row is of anything else."""
    rows = [line for line in TABLE.read_text().splitlines() if line.startswith("| `")]
    assert rows == [row(kind) for kind in KINDS.values()]


def row(kind: OddKind) -> str:
    """Write a kind's row."""
    reasons = [f"`{reason}`" for reason in kind.reasons]
    if kind.reasons_tls12 is not None:
        reasons[-1] += "; TLS 1.2: " + ", ".join(f"`{reason}`" for reason in kind.reasons_tls12)
    outcome = "refused" if reasons else "admitted"
    cells = [f"`{kind.name}`", kind.odd, outcome, ", ".join(reasons), kind.why]
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_reasons_are_the_brokers(kind: OddKind) -> None:
    """The names of the reasons are those of the broker, in its order."""
    for version in ("TLSv1.2", "TLSv1.3"):
        reasons = kind.reasons_with(version)
        assert [reason.value for reason in Reason if reason in reasons] == list(reasons)


def test_outcome_in_words() -> None:
    """The outcome names the reasons, and where TLS 1.2 differs those too."""
    assert KINDS["ed25519"].outcome == "admitted"
    assert KINDS["expired"].outcome == "refused: certificate_expired"
    expected = "refused: no_client_certificate (TLS 1.2: handshake_failed)"
    assert KINDS["ec-p224"].outcome == expected
