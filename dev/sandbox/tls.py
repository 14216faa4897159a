"""A certificate for the Teams login: azure-identity refuses plain http, even on this machine."""

import os
import ssl
from pathlib import Path

import trustme

NAMES = ("localhost", "127.0.0.1")


def context(state: Path) -> ssl.SSLContext:
    """A server's TLS context whose certificate is signed by `state/ca.pem`.

    Both are made on first use and kept, so that a program which trusts ca.pem still does after a restart.
    """
    ca_file, server_file = state / "ca.pem", state / "server.pem"
    if not (ca_file.exists() and server_file.exists()):
        state.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        certificate = authority.issue_cert(*NAMES)
        _write(server_file, certificate.private_key_and_cert_chain_pem.bytes())
        _write(ca_file, authority.cert_pem.bytes())
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(server_file)
    return tls


def _write(path: Path, content: bytes) -> None:
    """All or nothing, readable by the owner only."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.touch(mode=0o600)
    part.write_bytes(content)
    part.replace(path)
