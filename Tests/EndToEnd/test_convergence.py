# Members that are linked, directly or by others, come to hold the same map.
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from agents import wait_equal, wait_same_fingerprint
from waiting import eventually


def test_three_in_a_chain_pass_writes_and_deletions_from_end_to_end(cluster):
    first, middle, last = cluster.chain(3)
    middle.wait_linked(first, last)
    first.put("config/greeting", "hello")
    last.put("data/x/y", "1")
    eventually(lambda: last.get("config/greeting") == "hello", "the last member has the first one's write")
    eventually(lambda: first.get("data/x/y") == "1", "the first member has the last one's write")
    first.ok("delete", "data/x/y")
    eventually(lambda: last.get("data/x/y") is None, "the deletion arrives")
    last.put("config/greeting", "again")
    eventually(lambda: first.get("config/greeting") == "again", "the newer value arrives")
    assert wait_equal([first, middle, last]).count(b"\n") == 4  # one entry and three server updates
    wait_same_fingerprint([first, middle, last])


@pytest.mark.alone
def test_a_write_is_at_the_other_end_of_a_chain_within_a_tenth_of_a_second(cluster):
    first, middle, last = cluster.chain(3)
    middle.wait_linked(first, last)
    first.put("config/warm", "up")
    eventually(lambda: last.get("config/warm"), "the first write arrives")
    first.put("config/quick", "1")
    eventually(lambda: last.get("config/quick"), "the write arrives", within=0.1, every=0.005)


def test_what_was_written_before_the_link_is_reconciled_both_ways(cluster):
    first = cluster.agent().start()
    second = cluster.agent().start()
    for index in range(20):
        first.put(f"config/first/{index}", "1")
        second.put(f"config/second/{index}", "2")
    first.put("config/both", "older")
    second.put("config/both", "newer")
    second.set_access_points(first.url)
    second.wait_linked(first)
    assert wait_equal([first, second], "config/").count(b"\n") == 41
    assert first.get("config/both") == "newer"
    link = second.links()[0]
    assert link["url"] == first.url and link["direction"] == "out"
    assert first.links()[0]["direction"] == "in"
    for member in (first, second):
        link = member.links()[0]
        assert link["roundTripMilliseconds"] < 1000 and link["bytesSent"] > 0 and link["bytesReceived"] > 0
    round = second.links()[0]["lastReconciliation"]
    assert round["differences"] >= 41 and 1 <= round["roundTrips"] <= 4, round
    assert round["bytes"] > 0 and round["milliseconds"] > 0, round


def test_a_star_of_seven_with_six_access_points_converges(cluster):
    points = [cluster.agent() for _ in range(6)]
    seventh = cluster.agent(*points)
    cluster.start(points)
    seventh.start().wait_linked(*points)
    for member in [*points, seventh]:
        member.put(f"config/from/{member.name}", member.name)
    assert wait_equal([*points, seventh], "config/").count(b"\n") == 7
    wait_same_fingerprint([*points, seventh])
    assert not seventh.logged("warning|error"), seventh.log()


def test_a_seventh_access_point_is_a_warning_that_says_why(cluster):
    points = [cluster.agent() for _ in range(7)]
    member = cluster.agent()
    member.set_access_points(*(point.url for point in points))
    checked = member.ok("config", "check")
    assert "no mistakes" in checked
    warned = member.run("config", "check").err
    assert "databaseConnections" in warned and "first 6" in warned, warned
    assert "fault tolerance" in warned, warned
    member.start()
    [line] = member.logged("warning.*databaseConnections")
    assert "fault tolerance" in line
    assert len(member.status()["accessPoints"]) == 6


def test_writes_at_all_members_at_once_converge(cluster):
    members = cluster.mesh(4)
    for member in members:
        member.wait_linked(*(other for other in members if other is not member))

    def write(member):
        for round in range(15):
            member.put("config/contested", f"{member.name} {round}")
            member.put(f"config/own/{member.name}/{round}", str(round))
            if round % 3 == 2:
                member.ok("delete", f"config/own/{member.name}/{round}")

    with ThreadPoolExecutor(len(members)) as pool:
        list(pool.map(write, members))
    dump = wait_equal(members, "config/")
    assert dump.count(b"\n") == 1 + 4 * 10
    wait_same_fingerprint(members)


def test_loads_at_all_members_at_once_converge(cluster):
    members = cluster.star(3)
    text = {
        member: "".join(json.dumps({"key": f"data/{n:05}", "value": f"{member.name} {n}"}) + "\n" for n in range(5000))
        for member in members
    }
    with ThreadPoolExecutor(len(members)) as pool:
        list(pool.map(lambda member: member.ok("load", "-", stdin=text[member]), members))
    assert wait_equal(members, "data/", within=20).count(b"\n") == 5000


def test_keys_deleted_while_a_member_is_away_do_not_come_back(cluster):
    hub, stayer, traveller = members = cluster.star(3)
    traveller.wait_linked(hub)
    for index in range(30):
        hub.put(f"config/{index}", "x")
    wait_equal(members, "config/")

    traveller.stop()
    for index in range(20):
        stayer.ok("delete", f"config/{index}")
    # Away means alone, not dead: it goes on writing, and meets the others later.
    traveller.set_access_points()
    traveller.start()
    traveller.put("config/written-away", "kept")
    traveller.put("config/25", "changed away")
    hub.restart()
    traveller.set_access_points(hub.url)
    traveller.wait_linked(hub)
    stayer.wait_linked(hub)

    kept = [json.loads(line)["key"] for line in wait_equal(members, "config/").splitlines()]
    assert kept == sorted([f"config/{index}" for index in range(20, 30)] + ["config/written-away"])
    assert stayer.get("config/25") == "changed away"
    wait_same_fingerprint(members)


def test_dialling_itself_ends_quietly_with_one_line(cluster):
    member = cluster.agent()
    other = cluster.agent()
    other.start()
    member.set_access_points(member.url, other.url)
    member.start()
    member.wait_linked(other)
    [line] = member.wait_logged("this member itself")
    assert member.url in line and "warning" not in line and "error" not in line
    states = {point["url"]: point["state"] for point in member.status()["accessPoints"]}
    assert states[member.url] == "own-address"
    # The link to the other member has been dialled after the one to itself, so there is nothing left to come.
    assert not member.logged("warning|error"), member.log()
    assert len(member.status()["links"]) == 1


def test_two_members_that_dial_each_other_keep_one_link(cluster):
    first, second = cluster.agent(), cluster.agent()
    first.set_access_points(second.url)
    second.set_access_points(first.url)
    cluster.start([first, second])
    first.wait_linked(second)
    for member in (first, second):
        eventually(lambda: len(member.status()["links"]) == 1, f"{member.name} has one link")
        [point] = member.status()["accessPoints"]
        assert point["state"] == "open", point
    lower = min(first, second, key=lambda member: member.server_id)
    assert lower.links()[0]["direction"] == "out"
    # Which of two links stays is no event for an administrator.
    assert not first.logged("link down") + second.logged("link down")
