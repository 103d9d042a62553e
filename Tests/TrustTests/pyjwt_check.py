# Checks a member token with PyJWT and issues one: an implementation that shares no code with the module under test.
#
# Standard input: the secret (base64), a token, the time (Unix seconds), a line each.
# Standard output: JSON {"claims": {name: text}, "token": "..."}. Exit status 1 when the token does not verify.
import base64
import hashlib
import hmac
import json
import secrets
import sys

import jwt


def derive(secret: bytes, purpose: str) -> bytes:
    return hmac.new(secret, b"fastx/1/" + purpose.encode(), hashlib.sha256).digest()


def url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def main() -> None:
    secret_text, token, now_text = sys.stdin.read().split()
    secret, now = base64.b64decode(secret_text), int(now_text)
    key, key_id = derive(secret, "member-token"), derive(secret, "key-id")[:8].hex()

    if jwt.get_unverified_header(token) != {"alg": "HS256", "typ": "JWT", "kid": key_id}:
        sys.exit("unexpected header")
    # The times are those of the test, not of this host, so they are not judged here.
    claims = jwt.decode(
        token,
        key,
        algorithms=["HS256"],
        audience="fastx-member",
        options={
            "require": ["iss", "aud", "iat", "exp", "jti"],
            "verify_exp": False,
            "verify_iat": False,
        },
    )
    own = {
        "iss": "python-1",
        "aud": "fastx-member",
        "iat": now,
        "exp": now + 60,
        "jti": url(secrets.token_bytes(16)),
        "htm": "PUT",
        "pth": "/api/x?y=1",
        "bdy": url(hashlib.sha256(b"hello").digest()),
        "crt": url(bytes([7]) * 32),
    }
    issued = jwt.encode(own, key, algorithm="HS256", headers={"kid": key_id})
    json.dump({"claims": {name: str(value) for name, value in claims.items()}, "token": issued}, sys.stdout)


main()
