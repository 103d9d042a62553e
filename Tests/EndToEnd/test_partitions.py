# Links that are cut, torn or held back. Those that fall silent are in test_sites.py and test_slow_links.py.
import pytest

from agents import wait_equal
from proxy import DOWN, UP
from waiting import eventually

pytestmark = pytest.mark.cuts


@pytest.fixture
def pair(cluster, proxies):
    """Two members with a proxy between them."""
    target = cluster.agent().start()
    proxy = proxies(target)
    dialler = cluster.agent(proxy.url).start()
    dialler.wait_linked(target)
    return dialler, target, proxy


def test_what_was_written_on_both_sides_of_a_cut_meets_after_it(pair):
    dialler, target, proxy = pair
    proxy.cut()
    eventually(lambda: not dialler.links() and not target.links(), "the link is down at both ends")
    dialler.wait_logged("link down: " + target.server_id)
    target.wait_logged("link down: " + dialler.server_id)
    eventually(lambda: "unreachable" in dialler.last_error() and "refused" in dialler.last_error(), "the cut is named")
    dialler.put("config/one", "1")
    target.put("config/two", "2")
    proxy.heal()
    dialler.wait_linked(target)
    assert wait_equal([dialler, target], "config/").count(b"\n") == 2
    assert not dialler.last_error()


def test_a_failing_access_point_is_told_once_for_each_reason_and_not_at_every_try(pair):
    dialler, target, proxy = pair
    proxy.cut()
    eventually(lambda: "refused" in dialler.last_error(), "the access point is refused")
    mark = dialler.mark()
    dialler.edit("settings.json", lambda content: content.update(updateIntervalSeconds=20))
    dialler.wait_logged("updateIntervalSeconds", since=mark)
    lines = dialler.logged("no link to access point")
    assert len(lines) == len(set(line.split("; next try")[0].split("] ")[1] for line in lines)), lines


@pytest.mark.parametrize("direction", [UP, DOWN])
def test_a_link_torn_in_mid_frame_comes_back_and_nothing_is_lost(pair, direction):
    dialler, target, proxy = pair
    writer = dialler if direction == UP else target
    reader = target if writer is dialler else dialler
    for byte_count in (1, 17, 300, 5_000, 70_000):
        connection_count = proxy.connection_count
        proxy.cut_after(byte_count, direction)
        writer.ok("put", f"config/torn/{byte_count}", stdin="x" * 200_000)
        eventually(lambda: not proxy.is_armed, "the link is torn")
        eventually(lambda: proxy.connection_count > connection_count, "the member dials again")
        dialler.wait_linked(target)
        eventually(lambda: reader.get(f"config/torn/{byte_count}") == "x" * 200_000, "the value arrives")
    wait_equal([dialler, target], "config/")
    for member in (dialler, target):
        assert member.json("check")["damaged"] == 0


@pytest.mark.parametrize("direction", [UP, DOWN])
def test_a_handshake_torn_at_any_byte_leaves_no_trace(pair, direction):
    dialler, target, proxy = pair
    for byte_count in (0, 5, 400, 900, 1_500, 2_000):
        proxy.cut_after(byte_count, direction)
        proxy.cut_connections()
        eventually(lambda: not proxy.is_armed, "the handshake is torn")
        dialler.wait_linked(target)
    target.put("config/after", "1")
    eventually(lambda: dialler.get("config/after") == "1", "the link carries changes")
    for member in (dialler, target):
        eventually(lambda: len(member.status()["links"]) == 1, "only the last link is left")


def test_a_slow_connection_only_takes_longer(pair):
    dialler, target, proxy = pair
    proxy.delay(0.05)
    for index in range(20):
        dialler.put(f"config/{index}", "x" * 1000)
        target.put(f"data/{index}", "x" * 1000)
    wait_equal([dialler, target], "config/")
    wait_equal([dialler, target], "data/")
    assert not dialler.logged("link down")


def test_a_black_hole_at_the_first_dial_is_named_after_the_configured_time(cluster, proxies):
    target = cluster.agent().start()
    hole = proxies(target)
    hole.blackhole()
    dialler = cluster.agent()
    dialler.edit("cluster.json", lambda content: content.update(
        databaseConnections=[{"url": hole.url, "options": {"timeout": 1000}}]))
    dialler.start()
    eventually(lambda: "unreachable: no answer in 1" in dialler.last_error(), "the time is named", within=5)
    hole.heal()
    dialler.wait_linked(target)
