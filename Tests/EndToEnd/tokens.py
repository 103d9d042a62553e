# Cluster keys of agents, and member tokens made with PyJWT, right ones and wrong ones.
import base64
import hashlib
import hmac
import secrets
import time

import jwt

GOSSIP_PATH = "/cluster/gossip"


def derived_key(secret, purpose):
    return hmac.digest(secret, f"fastx/1/{purpose}".encode(), "sha256")


def key_id(secret):
    return derived_key(secret, "key-id")[:8].hex()


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def member_token(secret, certificate, issuer="0123456789abcdef", purpose="member-token", header=None, **claims):
    """A token for a link to the member that serves a certificate (in DER). Claims that are None are left out."""
    now = int(time.time())
    content = {
        "iss": issuer, "aud": "fastx-member", "iat": now, "exp": now + 60, "jti": secrets.token_urlsafe(16),
        "htm": "GET", "pth": GOSSIP_PATH, "bdy": base64url(hashlib.sha256(b"").digest()),
        "crt": base64url(hashlib.sha256(certificate).digest()), **claims,
    }
    content = {name: value for name, value in content.items() if value is not None}
    return jwt.encode(
        content, derived_key(secret, purpose), algorithm="HS256", headers={"kid": key_id(secret), **(header or {})})


def read_secret(path):
    return bytes.fromhex(path.read_text().strip())


def new_gateway_key(agent):
    """Makes a gateway key at a member inside, and returns its secret."""
    ids = {key["id"] for key in agent.json("key", "list")}
    if service := getattr(agent, "service", None):
        # The files belong to the user that the member runs as.
        made = service.run(agent.program, "key", "new", "--gateway", "--var-dir", agent.directory)
        assert made.returncode == 0, made
    else:
        agent.ok("key", "new", "--gateway")
    [key] = [key["id"] for key in agent.json("key", "list") if key["scope"] == "gateway" and key["id"] not in ids]
    return agent.ok("key", "export", key).strip()
