# Many links that are cut at the same moment: the members come back one after the other and not all at once.
import time

import pytest

from agents import wait_equal
from waiting import eventually

pytestmark = [pytest.mark.cuts, pytest.mark.alone]

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.25, 20
# Each wait is between half of what it should be and one and a half times that.
JITTER_LEAST, JITTER_MOST = 0.5, 1.5
WINDOW_SECONDS = 0.5


def most_dials(seconds):
    """How often a member may dial in vain in a time: after each failure it waits twice as long."""
    count, wait, passed = 0, FIRST_WAIT_SECONDS, 0.0
    while passed < seconds:
        passed += JITTER_LEAST * wait
        wait = min(2 * wait, LONGEST_WAIT_SECONDS)
        count += 1
    return count


def longest_wait(seconds):
    """How long it may take until a member that has dialled in vain for a time dials again."""
    wait, passed = FIRST_WAIT_SECONDS, 0.0
    while passed < seconds:
        passed += JITTER_LEAST * wait
        wait = min(2 * wait, LONGEST_WAIT_SECONDS)
    return JITTER_MOST * wait


def most_in_a_window(times):
    """The most connections that began within the time of a window."""
    return max(sum(1 for other in times if 0 <= other - first < WINDOW_SECONDS) for first in times)


@pytest.mark.parametrize("member_count, cut_seconds", [
    (12, 5), pytest.param(40, 60, marks=[pytest.mark.soak, pytest.mark.timeout(300)])])
def test_members_cut_off_at_the_same_moment_dial_with_patience_and_come_back_spread_over_time(
        cluster, proxies, member_count, cut_seconds):
    hub = cluster.agent(name="hub").start()
    line = proxies(hub)
    members = cluster.start([cluster.agent(line.url) for _ in range(member_count)])
    hub.wait_linked(*members, within=30)
    assert line.connection_count == member_count

    began = time.monotonic()
    line.turn_away()
    eventually(lambda: not hub.links(), "all links are down")
    for member in (hub, *members):
        member.put(f"config/{member.name}", "written during the cut")
    time.sleep(max(0, began + cut_seconds - time.monotonic()))
    in_vain = line.connection_count - member_count
    healed = time.monotonic()
    line.heal()
    hub.wait_linked(*members, within=longest_wait(healed - began) + 5)
    back = time.monotonic() - healed
    dials = [moment for moment in line.connection_times if moment >= healed]
    print(f"{in_vain} dials in vain; then {len(dials)} in {back:.1f} s, "
          f"{most_in_a_window(dials)} of them within {WINDOW_SECONDS} s")

    assert member_count <= in_vain <= member_count * most_dials(healed - began), "they dial, ever more rarely"
    # Nobody is sent away twice, and without jitter they would all come in the same moment.
    assert len(dials) == member_count
    assert most_in_a_window(dials) <= member_count * 2 / 3
    # Not the fingerprints: among so many members a server update is under way at any moment.
    assert wait_equal([hub, *members], "config/", within=20 + member_count).count(b"\n") == 1 + member_count
    for member in (hub, *members):
        eventually(lambda: len(member.shown()) == 1 + member_count, f"{member.name} shows everybody", within=20)
