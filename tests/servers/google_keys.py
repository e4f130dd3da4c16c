"""What Google signs with, for tests: a key, its certificate, a service account's key file, and a push as it is sent."""

import base64
import datetime as dt
import json
import time
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jws
from joserfc.jwk import RSAKey

KEY_ID = "k1"


class Key:
    """A private key with a certificate that it signed itself."""

    def __init__(self) -> None:
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
        now = dt.datetime.now(dt.UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.private.public_key())
            .serial_number(1)
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=9))
            .sign(self.private, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
            .decode()
        )
        self.pem = self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    @property
    def certificates(self) -> bytes:
        """As Google publishes them: JSON of key id -> PEM."""
        return json.dumps({KEY_ID: self.certificate}).encode()

    def account(self, email: str) -> dict[str, str]:
        """What the key file of a service account says."""
        return {
            "type": "service_account",
            "project_id": "proj-1",
            "private_key_id": KEY_ID,
            "private_key": self.pem,
            "client_email": email,
            "token_uri": "https://oauth2.googleapis.com/token",
        }

    def token(self, *, key_id: str = KEY_ID, now_s: int | None = None, **claims: Any) -> str:
        """Of a push, with these claims beside Google's own; ``None`` leaves one out."""
        issued = int(time.time()) if now_s is None else now_s
        said = {"iss": "https://accounts.google.com", "iat": issued, "exp": issued + 3600, "email_verified": True}
        payload = {name: value for name, value in (said | claims).items() if value is not None}
        header = {"alg": "RS256", "kid": key_id, "typ": "JWT"}
        return jws.serialize_compact(header, json.dumps(payload).encode(), RSAKey.import_key(self.pem))


def pushed(data: bytes, *, message_id: str = "17") -> bytes:
    """The body of a push that is not unwrapped."""
    message = {"data": base64.b64encode(data).decode(), "messageId": message_id, "attributes": {"a": "b"}}
    return json.dumps({"message": message, "subscription": "projects/proj-1/subscriptions/hub"}).encode()
