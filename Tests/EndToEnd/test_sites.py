# Sites whose access points alone are joined, by cables that are pulled or carry one direction only.
import pytest

from agents import wait_equal, wait_same_fingerprint
from namespaces import Cable, Namespace
from waiting import eventually

pytestmark = [pytest.mark.cuts, pytest.mark.slow]

PORT = 3300
SILENCE_SECONDS, LEASE_SECONDS = 15, 90
# The longest wait before a member dials again, and the time after which a dial without an answer ends.
BACK_SECONDS = 45
SHARED_KEYS = 16


class Site:
    """A host with the access point and one with a member that can reach nothing but this access point."""

    def __init__(self, cluster, name, hosts, home=None):
        self.name = name
        self.host, self.inner_host = hosts(name), hosts(f"{name}-in")
        inside = Cable(self.host, self.inner_host)
        # The cable to the home site.
        self.cable = home and Cable(home.host, self.host)
        self.door = self._agent(cluster, name, self.host, self.cable and self.cable.addresses[home.host])
        self.member = self._agent(cluster, f"{name}-in", self.inner_host, inside.addresses[self.host])
        self.agents = [self.door, self.member]

    @staticmethod
    def _agent(cluster, name, host, access_point):
        points = [f"https://{access_point}:{PORT}"] if access_point else []
        return cluster.agent(*points, name=name, address=("0.0.0.0", PORT), wrapper=host.wrapper)


@pytest.fixture
def hosts(request):
    made = []

    def make(name):
        made.append(Namespace(name))
        return made[-1]

    yield make
    for host in made:
        host.remove()


@pytest.fixture
def sites(hosts, cluster):
    """The home site and those whose access points dial the home's: their cables are about to break in three ways."""
    home = Site(cluster, "home", hosts)
    remote = [Site(cluster, name, hosts, home) for name in ("pulled", "mute", "deaf")]
    everybody = [agent for site in (home, *remote) for agent in site.agents]
    cluster.start(everybody)
    home.door.wait_linked(home.member, *(site.door for site in remote))
    for site in remote:
        site.door.wait_linked(site.member)
    return home, *remote


def live_apart(sites):
    """Breaks the cables, writes and deletes at every site, and waits until every access point has noticed."""
    home, pulled, mute, deaf = sites
    pulled.cable.pull()
    mute.cable.mislead(mute.host)
    deaf.cable.mislead(home.host)
    for site in sites:
        site.member.put(f"config/at/{site.name}", "written apart")
    # Proofs of the faults, before silence ends links: one direction of two of the cables is open, and nothing else.
    eventually(lambda: mute.member.get("config/at/home"), "the mute site hears")
    eventually(lambda: home.member.get("config/at/deaf"), "the deaf site is heard")
    for index, site in enumerate(sites):
        site.member.put("config/contested", site.name)
        site.member.ok("delete", f"config/shared/{index:02}")
        site.member.put(f"config/shared/{index + 4:02}", "changed apart")
        eventually(lambda: site.door.get(f"config/at/{site.name}"), f"{site.name} goes on within itself")
    for agent, other in [(home.door, mute), (home.door, pulled), (deaf.door, home), (pulled.door, home)]:
        assert agent.get(f"config/at/{other.name}") is None, (agent.name, other.name)
    for near, far in [(home, pulled), (pulled, home), (home, mute), (deaf, home)]:
        [line] = near.door.wait_logged(f"link down: {far.door.server_id}", within=SILENCE_SECONDS + 5)
        assert f"nothing came for {SILENCE_SECONDS} s" in line, line
    # The site that is not heard is told so by the other end, unless it has noticed the silence first.
    [line] = mute.door.wait_logged(f"link down: {home.door.server_id}", within=SILENCE_SECONDS + 5)
    assert "nothing came" in line or "closed the connection" in line, line
    for site in (pulled, mute, deaf):
        assert site.door.last_error(), site.door.status()["accessPoints"]
    eventually(lambda: home.door.linked_ids() == {home.member.server_id}, "the home site is alone")


def meet_again(sites):
    """Mends the cables, and waits until all maps are the same and right."""
    home, pulled, mute, deaf = sites
    pulled.cable.plug()
    mute.cable.correct(mute.host)
    deaf.cable.correct(home.host)
    home.door.wait_linked(*(site.door for site in sites[1:]), within=BACK_SECONDS)
    everybody = [agent for site in sites for agent in site.agents]
    wait_equal(everybody, "config/", within=10)
    entries = home.member.entries("config/")
    assert {f"config/at/{site.name}" for site in sites} <= set(entries)
    shared = {f"config/shared/{index:02}" for index in range(4, SHARED_KEYS)}
    assert {key for key in entries if key.startswith("config/shared/")} == shared, "what was deleted stays away"
    assert {key for key in shared if entries[key] == "changed apart"} == {f"config/shared/{n:02}" for n in range(4, 8)}
    assert entries["config/contested"] == sites[-1].name, "the last write wins"
    wait_same_fingerprint(everybody)
    for agent in everybody:
        eventually(lambda: set(agent.shown()) == {each.server_id for each in everybody}, f"{agent.name} shows everybody")


@pytest.fixture
def apart(sites):
    """The sites after they have shared some entries and been cut off from each other."""
    home, pulled, *_ = sites
    everybody = [agent for site in sites for agent in site.agents]
    home.member.load({f"config/shared/{index:02}": "shared" for index in range(SHARED_KEYS)})
    wait_equal(everybody, "config/")
    for agent in everybody:
        eventually(lambda: len(agent.shown()) == len(everybody), f"{agent.name} shows everybody")
    assert home.inner_host.is_unreachable(pulled.cable.addresses[pulled.host])
    assert pulled.inner_host.is_unreachable(pulled.cable.addresses[home.host])
    live_apart(sites)
    return sites


def test_sites_that_were_cut_off_each_in_another_way_meet_again_and_nobody_is_shown_down(apart):
    everybody = [agent for site in apart for agent in site.agents]
    for agent in everybody:
        ages = agent.shown()
        assert set(ages) == {each.server_id for each in everybody} and max(ages.values()) < LEASE_SECONDS, agent.name
    meet_again(apart)


@pytest.mark.soak
@pytest.mark.timeout(400)
def test_a_site_that_stays_cut_off_is_shown_down_after_the_lease_and_up_when_it_is_back(apart):
    ids = {agent: {each.server_id for each in site.agents} for site in apart for agent in site.agents}
    assert all(len(agent.shown()) == len(ids) for agent in ids), "the lease is not over yet"
    lost = []

    def alone():
        shown = {agent: set(agent.shown()) for agent in ids}
        lost.extend(agent.name for agent in ids if not ids[agent] <= shown[agent])
        return shown == ids

    eventually(alone, "every site shows nobody but itself", within=LEASE_SECONDS + 30, every=2)
    assert not lost, "these did not show all of their own site"
    meet_again(apart)
