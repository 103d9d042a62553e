# Administrators learn over the interface who changed configuration: of one member's files, and of the cluster.
import json

import pytest

from api import SocketClient
from waiting import eventually

SCRIPT = "scripts/Audited"
PATH = "/configuration/history?name=scripts/Audited"


@pytest.fixture(scope="module")
def admins(alice):
    return {"admins": {"users": [alice.name], "groups": []}}


@pytest.fixture(scope="module")
def near(make_portal, admins):
    return make_portal(logins=admins)


@pytest.fixture(scope="module")
def far(near, cluster_of, admins):
    return cluster_of(near, logins=admins)


@pytest.fixture(scope="module")
def gate(near, gateway_of, admins):
    """A gateway that has nothing but a gateway key of the near member."""
    gate = gateway_of(near)
    gate.edit("settings.json", lambda content: content["logins"].update(admins))
    eventually(lambda: gate.json("config", "history", "settings.json"), "it knows its administrators")
    return gate


@pytest.fixture
def admin(near, visit, alice):
    """Alice, logged in at the near member."""
    return visit(alice, portal=near)


def through(portal, client, visit):
    """The same user's browser at another member."""
    other = visit(portal=portal)
    other.token, other.csrf_token = client.token, client.csrf_token
    return other


def audit_path(portal, query=""):
    return f"/servers/{portal.server_id}/audit{query}"


def latest_lines(client, portal):
    return [line for change in client.ok("GET", audit_path(portal))["changes"] for line in change["lines"]]


def set_script(portal, text):
    portal.ok("config", "set", SCRIPT, "-", stdin=text)


def test_an_administrator_reads_the_changes_of_another_members_files_the_newest_first(admin, far):
    text = json.loads(far.path("settings.json").read_text()) | {"sessionsEnabled": False}
    far.ok("config", "write", "settings.json", "-", stdin=json.dumps(text))
    line = "settings.json: sessionsEnabled: true -> false"
    eventually(lambda: latest_lines(admin, far)[0] == line, "the far member has the change")
    page = admin.ok("GET", audit_path(far))
    assert (page["serverId"], page["changes"][0]["user"]) == (far.server_id, "root"), page
    assert "config write" in page["changes"][0]["source"]
    far.edit("debug.json", lambda content: content.update(topics=["Cluster Database"]))
    eventually(lambda: latest_lines(admin, far)[0] == "debug.json: Cluster Database: off -> on", "it is taken up")
    edited = admin.ok("GET", audit_path(far))["changes"]
    assert "user" not in edited[0] and [change["time"] for change in edited] == sorted(
        (change["time"] for change in edited), reverse=True)
    # In pages, and of one file.
    first = admin.ok("GET", audit_path(far, "?limit=1"))
    second = admin.ok("GET", audit_path(far, f"?limit=1&before={first['next']}"))
    assert first["changes"] + second["changes"] == edited[:2]
    of_file = admin.ok("GET", audit_path(far, "?file=settings.json"))["changes"]
    assert of_file[0] == edited[1] and all("settings.json: " in line for change in of_file for line in change["lines"])
    last = admin.ok("GET", audit_path(far, f"?before={edited[-1]['id']}"))
    assert last["changes"] == [] and "next" not in last


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "file=passwd", "before="])
def test_a_query_that_is_not_allowed_is_refused_with_what_is(admin, far, query):
    refused = admin.get(audit_path(far, f"?{query}"))
    assert refused.status_code == 422 and refused.json()["reason"] == "bad-query", refused.text
    assert "allowed: " in refused.json()["detail"]


def test_no_secret_is_told(admin, far):
    secret = "hush-hush-hush"
    point = {"url": "https://nowhere.invalid:3300", "options": {"proxy": f"http://someone:{secret}-1@127.0.0.1:9"}}
    far.edit("cluster.json", lambda content: content["databaseConnections"].append(point))
    eventually(lambda: "nowhere.invalid:3300 added" in latest_lines(admin, far)[0], "it is added")
    point["options"]["proxy"] = f"http://someone:{secret}-2@127.0.0.1:9"
    far.edit("cluster.json", lambda content: content["databaseConnections"].__setitem__(-1, point))
    eventually(lambda: latest_lines(admin, far)[0].endswith(".options.proxy: changed"), "it is changed")
    far.ok("key", "new")
    eventually(lambda: latest_lines(admin, far)[0] == "cluster.json: keys: 1 added", "the key is added")
    told = admin.get(audit_path(far, "?limit=200")).text
    secrets = [key["secret"] for key in json.loads(far.path("cluster.json").read_text())["keys"]]
    assert len(secrets) == 2 and not [text for text in [secret, *secrets] if text in told], told


def test_the_history_of_a_value_says_who_made_what_of_it_at_any_member(admin, near, far, visit):
    set_script(near, "() => 1\n")
    set_script(near, "() => 1\n// two\n")
    eventually(lambda: far.run("config", "show", SCRIPT).out.endswith("two\n"), "the far member has it")
    set_script(far, "() => 3\n")
    there = through(far, admin, visit)
    page = there.ok("GET", PATH)
    newest, middle, oldest = page["changes"]
    assert page["name"] == SCRIPT and [c["fate"]["kind"] for c in page["changes"]] == ["current", "changed", "changed"]
    assert [c["effect"] for c in page["changes"]] == ["changed", "changed", "added"]
    assert [c["serverId"] for c in page["changes"]] == [far.server_id, near.server_id, near.server_id]
    assert {c["user"] for c in page["changes"]} == {"root"}
    assert [c["difference"] for c in page["changes"]] == [["-() => 1", "-// two", "+() => 3"], ["+// two"], ["+() => 1"]]
    assert newest["before"] == middle["version"] and middle["before"] == oldest["version"] and "before" not in oldest
    first = there.ok("GET", f"{PATH}&limit=2")
    assert first["changes"] == [newest, middle] and first["next"] == middle["version"]
    assert there.ok("GET", f"{PATH}&limit=2&before={first['next']}") == {"name": SCRIPT, "changes": [oldest]}
    wrong = there.get("/configuration/history?name=settings.json")
    assert wrong.status_code == 422 and "/servers/ID/audit?file=settings.json" in wrong.json()["detail"]
    assert there.get("/configuration/history").status_code == 422


def test_who_is_no_administrator_is_told_nothing(near, far, visit, bob):
    client = visit(bob, portal=near)
    for path in (audit_path(near), audit_path(far), PATH):
        refused = client.get(path)
        assert refused.status_code == 403 and refused.json()["reason"] == "admins-only", refused.text
        assert visit(portal=near).get(path).status_code == 401
    unknown = visit(bob, portal=near).get("/servers/nobody/audit")
    assert unknown.status_code == 403


def test_a_gateway_has_its_own_files_and_nothing_of_the_cluster(admin, near, far, gate, visit, alice):
    set_script(near, "() => 4\n")
    eventually(lambda: gate.run("config", "show", SCRIPT).out == "() => 4\n", "the gateway has the script")
    eventually(lambda: len(far.entries("audit/")) >= 1, "the far member has the records")
    assert gate.entries("audit/") == {}
    there = SocketClient(gate, alice)
    told = there.ok("GET", PATH)
    # The version that is in the map, and neither who wrote it nor what it was before.
    [change] = told["changes"]
    assert change["effect"] == "unknown" and not {"user", "source", "before", "difference"} & set(change), change
    assert [line for change in there.ok("GET", audit_path(gate))["changes"] for line in change["lines"]]
    assert there.ask("GET", audit_path(far)).status_code == 404
    # Who is logged in at a member inside is served through it, as by all his requests.
    outside = through(gate, admin, visit)
    assert outside.ok("GET", audit_path(near))["serverId"] == near.server_id
    assert outside.ok("GET", PATH)["changes"][0]["user"] == "root"
    # It cannot tell who he is, and says so instead of that he is not logged in.
    for client, status in ((admin, 403), (outside, 404)):
        refused = client.get(audit_path(gate))
        assert refused.status_code == status, refused.text
        assert "fastx-agent config history" in refused.json()["detail"]
