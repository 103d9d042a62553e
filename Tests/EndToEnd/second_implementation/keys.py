# Cluster keys: what is derived from them, member tokens and proofs (docs/protocol.md, sections 3.1, 4.3, 5.3, 5.4).
import base64
import hashlib
import hmac
import re
import secrets
import struct
import time

import jwt

GOSSIP_PATH = "/cluster/gossip"
NO_BODY = hashlib.sha256(b"").digest()


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class ClusterKey:
    """A secret that members share."""

    def __init__(self, secret):
        self.secret = secret
        self.id = self.derived("key-id")[:8]

    def derived(self, purpose):
        return hmac.digest(self.secret, b"fastx/1/" + purpose.encode(), "sha256")

    def proof_code(self, role, transcript, number, nonce):
        message = role + transcript + struct.pack(">I", number) + nonce
        return hmac.digest(self.derived("link-proof"), message, "sha256")


def member_tokens(keys, server_id, certificate_hash):
    """The tokens of one request."""
    now = int(time.time())
    claims = {
        "iss": server_id, "aud": "fastx-member", "iat": now, "exp": now + 60, "jti": base64url(secrets.token_bytes(16)),
        "htm": "GET", "pth": GOSSIP_PATH, "bdy": base64url(NO_BODY), "crt": base64url(certificate_hash),
    }
    return ",".join(
        jwt.encode(claims, key.derived("member-token"), algorithm="HS256", headers={"kid": key.id.hex()})
        for key in keys)


def is_right_token(token, keys, certificate_hash):
    """Whether one token of a request passes. The reasons of a refusal are not told apart."""
    try:
        header = jwt.get_unverified_header(token)
        [key] = [key for key in keys if key.id.hex() == header["kid"]]
        claims = jwt.decode(
            token, key.derived("member-token"), algorithms=["HS256"], audience="fastx-member",
            options={"verify_exp": False, "verify_iat": False, "require": ["iss", "aud", "iat", "exp", "jti"]})
    except (jwt.InvalidTokenError, KeyError, ValueError):
        return False
    bound = {"htm": "GET", "pth": GOSSIP_PATH, "bdy": base64url(NO_BODY), "crt": base64url(certificate_hash)}
    return (
        set(header) == {"alg", "kid", "typ"} and bool(re.fullmatch("[a-z0-9-]{1,64}", claims["iss"]))
        and bool(re.fullmatch("[A-Za-z0-9_-]{22,64}", claims["jti"])) and bound.items() <= claims.items())


def transcript(dialler_hello, acceptor_hello, certificate_hash):
    data = b"fastx-link-1"
    for hello in (dialler_hello, acceptor_hello):
        data += struct.pack(">I", len(hello)) + hello
    return hashlib.sha256(data + b"\x01" + certificate_hash).digest()
