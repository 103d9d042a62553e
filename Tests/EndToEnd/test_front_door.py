# What the one port serves besides the API: pages, the fields that keep browsers strict, versions of HTTP, refusals.
import re
import socket
import ssl

import pytest

from api import API
from certificates import client_context
from web import get

STRICT = {
    "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cross-origin-opener-policy": "same-origin",
}


@pytest.fixture
def client(alice, visit):
    return visit(alice)


@pytest.mark.parametrize("path", [
    "/", "/session/x", "/pages/portal/portal.js", "/novnc/core/rfb.js", "/nowhere", f"{API}/me", f"{API}/login",
    f"{API}/nowhere", "/pages/none.js"])
def test_every_answer_keeps_browsers_strict(visit, path):
    answer = visit().http.get(path)
    for name, value in STRICT.items():
        assert answer.headers[name] == value, (path, name)
    policy = answer.headers["content-security-policy"]
    for part in ("default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert part in policy.split("; "), policy
    assert "unsafe" not in policy and "*" not in policy and "max-age=" in answer.headers["strict-transport-security"]


@pytest.mark.parametrize("path, kind", [
    ("/", "text/html"), ("/session/x", "text/html"), ("/pages/portal/portal.js", "text/javascript"),
    ("/pages/style/base.css", "text/css"), ("/favicon.ico", "image/svg+xml"),
    ("/novnc/core/rfb.js", "text/javascript")])
def test_pages_are_served_with_their_types(visit, path, kind):
    answer = visit().http.get(path)
    assert answer.status_code == 200 and answer.headers["content-type"].split(";")[0] == kind
    head = visit().http.head(path)
    assert head.status_code in (200, 404, 405) and not head.content


def test_pages_need_nothing_but_this_member(visit):
    """No page loads a program or style from another host, or has one within itself."""
    for path in ("/", "/session/x"):
        text = visit().http.get(path).text
        assert not re.search(r"""(src|href)=["'](https?:)?//""", text), text
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bon\w+=|style=", text), text


@pytest.mark.parametrize("path", [
    "/pages/../fastx-agent", "/pages/../../bin/fastx-agent", "/pages/%2e%2e/%2e%2e/bin/fastx-agent",
    "/pages//etc/passwd", "/pages/..%2f..%2fetc/passwd", "/pages/%2fetc%2fpasswd", "/novnc/../../../etc/passwd",
    "/novnc/..%5c..%5cx.js", "/pages/.hidden.js", "/pages/portal", "/pages/", "/pages/portal/portal.js%00.html",
    "/novnc/%252e%252e/x.js", "/pages/x.py"])
def test_no_path_leads_out_of_the_pages(portal, path):
    answer = get(portal.address, path)
    assert answer.status in (400, 404), (path, answer.status)
    assert b"root:" not in answer.body


def test_both_versions_of_http_are_spoken(visit):
    assert visit().http.get("/").http_version == "HTTP/1.1"
    assert visit(http2=True).http.get("/").http_version == "HTTP/2"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_versions_of_tls_are_refused(portal, version):
    context = client_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(portal.address) as plain, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(plain)


@pytest.mark.parametrize("ciphers", [
    "AES128-SHA:AES256-SHA", "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384"])
def test_ciphers_without_authentication_of_their_own_are_refused(portal, ciphers):
    context = client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    with socket.create_connection(portal.address) as plain, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(plain)


def test_requests_are_logged_by_ids_without_what_may_be_secret(portal, client):
    since = portal.mark()
    answer = client.get("/me?token=in-the-address")
    request_id = answer.headers["x-request-id"]
    [line] = portal.wait_logged(request_id, since)
    assert "GET /api/v1/me 200" in line and client.address in line
    log = portal.log(since)
    for secret in ("in-the-address", client.token, client.csrf_token):
        assert secret not in log


@pytest.mark.parametrize("http2", [False, True])
def test_what_is_not_there_is_not_found_with_a_problem_document(visit, alice, http2):
    client = visit(alice, http2=http2)
    for method, path in (("GET", "/nowhere"), ("POST", "/me"), ("PUT", "/sessions"), ("DELETE", "/sessions"),
                         ("PATCH", "/logins/x"), ("OPTIONS", "/sessions")):
        answer = client.ask(method, path)
        assert answer.status_code in (404, 405), (method, path, answer.status_code)
        problem = answer.json()
        assert answer.headers["content-type"].startswith("application/problem+json") and problem["detail"]
        assert problem["status"] == answer.status_code and problem["serverId"] == client.portal.server_id


def test_too_much_is_refused(client):
    long = client.get("/me", headers={"X-Long": "x" * 20_000})
    assert long.status_code in (400, 431)
    body = client.ask("POST", "/sessions", {"command": "x" * 100_000})
    assert body.status_code == 413
    deep = client.http.post(
        f"{API}/sessions", content=b"[" * 10_000, headers=client.fields("POST") | {"Content-Type": "application/json"})
    assert deep.status_code == 400
    assert client.get("/me").status_code == 200


@pytest.mark.parametrize("http2", [False, True])
def test_connections_that_browsers_keep_open_do_not_hold_the_agent_up(make_portal, visit, http2):
    portal = make_portal()
    clients = [visit(portal=portal, http2=http2) for _ in range(3)]
    for client in clients:
        client.get("/login")
    assert portal.stop() == 0
