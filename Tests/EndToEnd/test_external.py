# External members: they open no connection, and carry users over links that the others hold to them.
import pytest
from websockets.exceptions import InvalidStatus

from display import open_display
from waiting import eventually


@pytest.fixture(scope="module")
def external(make_portal, gateway_of):
    """An external gateway with a gateway key, and the member inside that names it as access point."""
    inside = make_portal()
    return gateway_of(inside, external=True), inside


def test_users_log_in_and_work_through_an_external_gateway(external, alice, visit, view):
    gateway, inside = external
    client = visit(alice, portal=gateway)
    assert client.ok("GET", "/me")["serverId"] == inside.server_id
    session = client.ok("POST", "/sessions", {"command": "xterm"})
    assert session["serverId"] == inside.server_id
    eventually(lambda: client.session(session["id"])["state"] == "running", "it runs", within=15)
    made = alice.home / "typed-through-an-external-gateway"
    viewer = view(client, session["id"])
    eventually(lambda: viewer.type(f"touch {made.name}\n") or made.exists(), "what is typed arrives", every=0.5)
    assert client.ask("GET", f"/sessions/{session['id']}/screenshot").headers["content-type"] == "image/jpeg"
    assert client.ask("DELETE", f"/sessions/{session['id']}").status_code == 204
    assert viewer.wait_closed() == 4410


def test_a_session_that_the_map_does_not_have_is_asked_for_where_the_user_is_logged_in(external, alice, visit):
    gateway, inside = external
    client = visit(alice, portal=gateway)
    unknown = "0123456789abcdef" * 2
    answer = client.ask("GET", f"/sessions/{unknown}")
    assert (answer.status_code, answer.json()["serverId"]) == (404, inside.server_id), answer.text
    with pytest.raises(InvalidStatus) as refused:
        open_display(gateway, unknown, client.token)
    assert refused.value.response.status_code == 404
