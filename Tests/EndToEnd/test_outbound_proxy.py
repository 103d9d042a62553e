# A member whose network leads nowhere but to an HTTP proxy: links, relay links and users' requests go through that.
import os

import httpx
import pytest

from connect_proxy import ConnectProxy
from namespaces import Cable, Namespace
from relay import make_external, wait_relay_linked
from waiting import eventually

pytestmark = [
    pytest.mark.cuts, pytest.mark.skipif(os.geteuid() != 0, reason="only root may make network namespaces")]

PORT, PROXY_PORT = 3300, 3128
# A name that the proxy alone looks up.
NAME = "beta.example"
POINT = f"https://{NAME}:{PORT}"
USER = "clerk:se same@home"
USER_IN_URL = "clerk:se%20same%40home"


class Places:
    """A host inside, one outside, and the proxy's between them, which passes nothing on by itself."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.inside, self.gate, self.outside = (Namespace(name) for name in ("inside", "gate", "outside"))
        near, far = Cable(self.inside, self.gate), Cable(self.gate, self.outside)
        self.inside_address, self.gate_address = near.addresses[self.inside], near.addresses[self.gate]
        self.outside_address = far.addresses[self.outside]
        self.proxies = []
        assert self.inside.is_unreachable(self.outside_address)

    def proxy(self, **options):
        with self.gate.entered():
            self.proxies.append(
                ConnectProxy((self.gate_address, PROXY_PORT), names={NAME: self.outside_address}, **options))
        return self.proxies[-1]

    def member_outside(self, **options):
        """It tells the others the address at which the proxy alone reaches it."""
        settings = {"urls": [f"https://{self.outside_address}:{PORT}"], **options.pop("settings", {})}
        return self.cluster.agent(
            name="beta", address=("0.0.0.0", PORT), wrapper=self.outside.wrapper, settings=settings, **options)

    def member_inside(self, *points, proxy=None, **options):
        environment = {"HTTPS_PROXY": proxy.url} if proxy else {}
        return self.cluster.agent(
            *points, name="alpha", address=("0.0.0.0", PORT), wrapper=self.inside.wrapper, environment=environment,
            **options)

    def close(self):
        for proxy in self.proxies:
            proxy.close()
        for host in (self.inside, self.gate, self.outside):
            host.remove()


@pytest.fixture
def places(cluster):
    places = Places(cluster)
    yield places
    cluster.close()
    places.close()


def log_in(host, address):
    """The answer to somebody's login at the member of a host: the member that answers it says who it is."""
    with host.entered():
        return httpx.post(
            f"https://{address}:{PORT}/api/v1/login", json={"user": "nobody", "password": "guessed"}, verify=False,
            trust_env=False, timeout=20)


def test_a_link_goes_through_the_proxy_that_the_environment_names(places):
    outside = places.member_outside().start()
    inside = places.member_inside(POINT, proxy=places.proxy()).start()
    inside.wait_linked(outside)
    inside.put("data/motd", "through the proxy")
    eventually(lambda: outside.get("data/motd") == "through the proxy", "the value is outside")
    assert set(places.proxies[0].passed) == {f"{NAME}:{PORT}"}
    assert inside.logged(f"reached through the proxy {places.gate_address}:{PROXY_PORT}, as HTTPS_PROXY"), inside.log()


def test_without_a_proxy_there_is_no_link_and_with_an_option_there_is(places):
    outside = places.member_outside().start()
    proxy = places.proxy(user=USER)
    # The environment's is none, and the option decides.
    inside = places.member_inside(f"https://{places.outside_address}:{PORT}").start()
    eventually(lambda: "unreachable" in inside.last_error(), "there is no way")
    assert not proxy.passed
    set_proxy(inside, proxy.url)
    eventually(lambda: "407" in inside.last_error(), "the proxy wants to know who it is")
    assert inside.last_error() == (
        f"unreachable: the proxy {places.gate_address}:{PROXY_PORT} answered 407 Proxy Authentication Required to "
        f"CONNECT {places.outside_address}:{PORT}: it wants a user and a password; write them as "
        f'http://user:password@{places.gate_address}:{PROXY_PORT} into the option "proxy" of the connection')
    set_proxy(inside, proxy.url.replace("//", f"//{USER_IN_URL}@"))
    inside.wait_linked(outside, within=30)
    told = inside.log() + inside.ok("status", "--json") + inside.ok("links", "--json")
    assert "clerk" not in told and "same" not in told, told


def set_proxy(agent, url):
    agent.edit("cluster.json", lambda content: content["databaseConnections"][0].update(options={"proxy": url}))


def test_the_answer_of_a_proxy_that_refuses_is_told(places):
    inside = places.member_inside(POINT, proxy=places.proxy(refusal="403 Forbidden")).start()
    eventually(lambda: inside.last_error(), "it says why")
    assert inside.last_error() == (
        f"unreachable: the proxy {places.gate_address}:{PROXY_PORT} answered 403 Forbidden to CONNECT {NAME}:{PORT}")


def test_users_requests_go_to_a_member_through_the_proxy(places):
    outside = places.member_outside().start()
    gateway = places.member_inside(POINT, proxy=places.proxy(), settings={"loginsEnabled": False}).start()
    gateway.wait_linked(outside)
    eventually(lambda: gateway.get(f"server/{outside.server_id}"), "the gateway knows the member")
    answer = log_in(places.inside, "127.0.0.1")
    assert answer.json()["serverId"] == outside.server_id, answer.text
    # By the name of the access point for the link, by what the member tells of itself for requests.
    assert f"{places.outside_address}:{PORT}" in places.proxies[0].passed


@pytest.mark.parametrize("by", ["environment", "option"])
def test_relay_links_and_what_comes_over_them_go_through_the_proxy(places, by):
    external = places.member_outside(settings={"loginsEnabled": False})
    make_external(external)
    external.start()
    proxy = places.proxy()
    inside = places.member_inside(POINT, proxy=proxy if by == "environment" else None)
    if by == "option":
        set_proxy(inside, proxy.url)
    inside.start()
    wait_relay_linked(external, inside)
    eventually(lambda: external.get(f"server/{inside.server_id}"), "the external one knows the member")
    known = len(proxy.passed)
    answer = log_in(places.outside, "127.0.0.1")
    assert answer.json()["serverId"] == inside.server_id, answer.text
    assert len(proxy.passed) > known, "the connection that was asked for came through the proxy too"


def test_an_agent_does_not_start_with_a_variable_that_names_no_proxy(cluster):
    agent = cluster.agent(environment={"HTTPS_PROXY": "socks5://clerk:sesame@proxy.example:1080"}).spawn()
    assert agent.wait() == 2
    assert agent.logged("HTTPS_PROXY in the environment: a proxy is asked by http:// only"), agent.log()
    assert "sesame" not in agent.log()
