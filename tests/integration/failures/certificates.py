"""Certificates that are wrong in one way each, and the authority that signed all but one."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

AUTHORITY = "Authority of the tests"
HOUR = datetime.timedelta(hours=1)
HERE = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Shelf:
    """`ca` is the file to trust; `context(kind)` is a server that shows a certificate."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def context(self, kind: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{kind}.pem")
        return context


def fill(folder: Path) -> Shelf:
    """Writes `good`, `wrong-name`, `expired` and `self-signed`."""
    ca_key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    ca = _sign(AUTHORITY, ca_key, AUTHORITY, ca_key, HERE, now + HOUR, is_ca=True)
    (folder / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    for kind, names, until in (
        ("good", HERE, now + HOUR),
        ("wrong-name", ("elsewhere.test",), now + HOUR),
        ("expired", HERE, now - datetime.timedelta(minutes=1)),
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        _write(folder / f"{kind}.pem", key, _sign(kind, key, AUTHORITY, ca_key, names, until))
    key = ec.generate_private_key(ec.SECP256R1())
    own = _sign("self-signed", key, "self-signed", key, HERE, now + HOUR)
    _write(folder / "self-signed.pem", key, own)
    return Shelf(folder)


def _sign(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    hosts: tuple[str, ...],
    until: datetime.datetime,
    *,
    is_ca: bool = False,
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - 2 * HOUR)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write(path: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
