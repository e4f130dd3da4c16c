"""Signs what a topic pushes, as Amazon does, by a key of ours.

Source   Amazon, "Verifying the signatures of Amazon SNS messages" and "Parsing Amazon SNS message formats". That this
         is how Amazon signs is not taken from here: LocalStack's own signatures are checked beside these.
"""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

HASHES = {"1": hashes.SHA1, "2": hashes.SHA256}
ORDER = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
ORDER["UnsubscribeConfirmation"] = ORDER["SubscriptionConfirmation"]


class Signer:
    """One key, and its certificate."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
        now = datetime.now(UTC)
        built = x509.CertificateBuilder(name, name, self._key.public_key(), x509.random_serial_number())
        dated = built.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
        self.certificate = dated.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def sign(self, fields: dict[str, Any]) -> bytes:
        """The body of a request."""
        order = [name for name in ORDER[fields["Type"]] if name in fields]
        text = "".join(f"{name}\n{fields[name]}\n" for name in order)
        signature = self._key.sign(text.encode(), padding.PKCS1v15(), HASHES[fields["SignatureVersion"]]())
        return json.dumps(fields | {"Signature": base64.b64encode(signature).decode()}).encode()
