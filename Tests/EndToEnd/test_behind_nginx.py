# A member behind a reverse proxy that an administrator has set up as its manual says, and keeps connections to it.
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

import reverse_proxies
from api import Client
from certificates import client_context
from display import Viewer, open_display
from network import url
from tokens import GOSSIP_PATH
from web import upgrade_headers

ASKED = ["GET /api/v1/login HTTP/1.1", "Host: x", "", ""]
# As many connections as the proxy keeps.
KEPT_COUNT = 16
READ_BYTES = 65536


@pytest.fixture
def nginx(portal, installation, places):
    proxy = reverse_proxies.nginx(next(places), installation.service, reverse_proxies.UPGRADES).start(portal.address)
    # What clients of a member ask for, they ask of it.
    proxy.url, proxy.log = url(proxy.address), portal.log
    yield proxy
    proxy.close()


def test_a_display_opens_through_connections_that_have_carried_requests(nginx, alice, visit):
    client = visit(alice)
    session = client.start_idle()

    def ask(_):
        passer = Client(nginx)
        passer.token = client.token
        try:
            return passer.get("/sessions").status_code
        finally:
            passer.close()

    for _ in range(3):
        with ThreadPoolExecutor(KEPT_COUNT) as pool:
            assert set(pool.map(ask, range(KEPT_COUNT))) == {200}
        for _ in range(2):
            viewer = Viewer(client, session["id"], socket=open_display(nginx, session["id"], client.token))
            assert viewer.width == 1280
            viewer.close()


@pytest.mark.parametrize("are_sent_at_once", [True, False])
def test_an_upgrade_after_other_requests_closes_their_connection_once_they_are_answered(portal, are_sent_at_once):
    upgrade = [f"GET {GOSSIP_PATH} HTTP/1.1", "Host: x", *(
        f"{name}: {value}" for name, value in upgrade_headers().items()), "", ""]
    requests = [text.encode() for text in ("\r\n".join(ASKED), "\r\n".join(upgrade), "\r\n".join(ASKED))]
    with client_context().wrap_socket(socket.create_connection(portal.address, timeout=10)) as connection:
        answers = b""
        if are_sent_at_once:
            connection.sendall(b"".join(requests))
        else:
            connection.sendall(requests[0])
            while not answers.endswith(b"}"):
                answers += connection.recv(READ_BYTES)
            connection.sendall(requests[1])
        while part := connection.recv(READ_BYTES):
            answers += part
    assert answers.startswith(b"HTTP/1.1 200 ") and answers.count(b"HTTP/1.1 ") == 1, answers
