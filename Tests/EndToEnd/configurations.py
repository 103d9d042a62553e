# The configurations of a cluster, on hosts that a test makes: who has a route to whom, and what stands between them.
import contextlib
import errno
import secrets
import socket
from typing import NamedTuple

import httpx

from agents import Cluster
from connect_proxy import ConnectProxy
from namespaces import Namespace, Network
from nginx import Nginx
from portal import Portal
from proxy import Proxy
from sshd import PASSWORD, Sshd
from tokens import read_secret
from waiting import eventually

PORT, OUTBOUND_PORT = 3300, 3128
# Where members inside find a gateway outside: not an address of its own, for they have no route to it.
GATEWAY_INSIDE = "10.79.0.1"
OUTCOMES = {errno.ECONNREFUSED: "refused", errno.ENETUNREACH: "no route", None: "astray"}
ONLY_CARRIES = {"loginsEnabled": False, "sessionsEnabled": False}


class Member(Portal):
    """A member on a host that a test has made; others reach it at an address in one network, or at the one given."""

    def __init__(self, directory, host, network, installation, sshd, key_file, reached_at=None, **settings):
        self.host, self.network = host, network
        self.reached_at = reached_at or network.addresses[host]
        super().__init__(
            directory, installation, sshd, key_file, host=host, address=("0.0.0.0", PORT), urls=[self.url], **settings)

    @property
    def url(self):
        return f"https://{self.reached_at}:{PORT}"

    def configure(self, *access_points, **cluster):
        """Writes to the cluster's configuration; access points are members, or objects as the file has them."""
        points = [point if isinstance(point, dict) else {"url": point.url} for point in access_points]
        self.edit("cluster.json", lambda content: content.update(cluster, databaseConnections=points))


class Outside:
    """The network that browsers are in, with their host. It is there before they are: changes of it disturb them."""

    def __init__(self):
        self.client = Namespace("client")
        self.network = Network(self.client)

    def door(self, host):
        """Gives a host of a member an address outside, and what a browser opens there."""
        return Door(self.network.plug(host))

    @contextlib.contextmanager
    def refused(self, address):
        """Connections to an address that there is no route to are refused at once."""
        self.client.ip("route", "add", "local", address, "dev", "lo")
        try:
            yield
        finally:
            self.client.ip("route", "del", "local", address, "dev", "lo")

    @contextlib.contextmanager
    def astray(self, address):
        """What is sent to an address that there is no route to is never answered."""
        with self.network.losing(self.client, address):
            yield

    def outcome(self, address):
        """What comes of a connection from here to a member's address."""
        with self.client.entered():
            try:
                socket.create_connection((address, PORT), timeout=0.5).close()
            except OSError as error:
                return OUTCOMES[error.errno]
        return "open"

    def ask_as_stranger(self, door, path):
        """The status of the answer to somebody who is not logged in."""
        with self.client.entered():
            return httpx.get(f"{door.url}{path}", verify=False, trust_env=False).status_code

    def remove(self):
        self.network.remove()
        self.client.remove()


class Door(NamedTuple):
    """A member as browsers outside see it."""

    address: str

    @property
    def url(self):
        return f"https://{self.address}:{PORT}"

    @property
    def told(self):
        """What pages say of displays that come this way."""
        return f"Through {self.address}"


class Configuration(NamedTuple):
    """A running cluster, with the member that the browser is at and those that sessions run at."""

    outside: Outside
    door: Door
    gateway: Member
    servers: list
    # What blocks upgrades, if anything does.
    proxy: Nginx = None
    # What the gateway's connections to the members go through, if anything.
    outbound: ConnectProxy = None

    @property
    def addresses(self):
        """Where the members that sessions run at are reached by others."""
        return [server.reached_at for server in self.servers]

    @property
    def outcomes(self):
        """What comes of connections from outside to them."""
        return {self.outside.outcome(address) for address in self.addresses}


class Workshop:
    """Makes hosts, networks, members and what stands between them, and ends all of them."""

    def __init__(self, installation, places):
        self.installation, self.places = installation, places
        self.cluster = Cluster(installation.directory)
        # For gateways on hosts that are not trusted with everything; full members have it besides their own.
        self.gateway_key = {"secret": secrets.token_hex(32), "scope": "gateway"}
        self.full_keys = [{"secret": read_secret(self.cluster.key_file).hex()}, self.gateway_key]
        self._ends = contextlib.ExitStack()

    def host(self, name):
        host = Namespace(name)
        self._ends.callback(host.remove)
        return host

    def network(self, *hosts):
        network = Network(*hosts)
        self._ends.callback(network.remove)
        return network

    def member(self, host, network, **options):
        sshd = None
        if options.get("loginsEnabled", True):
            sshd = Sshd(next(self.places), PASSWORD, host=host)
            self._ends.callback(sshd.close)
        member = Member(
            next(self.places), host, network, self.installation, sshd, self.cluster.key_file, **options)
        self.cluster.agents.append(member)
        return member

    def forwarder(self, host, address, target):
        """Forwards what comes to a host at an address, and TLS with it."""
        with host.entered():
            proxy = Proxy((target, PORT), (address, PORT))
        self._ends.callback(proxy.close)

    def connect_proxy(self, host, network):
        with host.entered():
            proxy = ConnectProxy((network.addresses[host], OUTBOUND_PORT))
        self._ends.callback(proxy.close)
        return proxy

    def nginx(self, host, address, target):
        nginx = Nginx(next(self.places), host, (address, PORT), (target, PORT))
        self._ends.callback(nginx.close)
        return nginx

    def start(self, *members):
        self.cluster.start(members)
        everybody = {member.server_id for member in members}
        for member in members:
            eventually(lambda: set(member.shown()) == everybody, f"{member.host.name} knows everybody", within=20)

    def close(self):
        with self._ends:
            self.cluster.close()


def make_default(workshop, outside):
    """The browser has a route to every member."""
    hosts = [workshop.host("alpha"), workshop.host("beta")]
    door, _ = (outside.door(host) for host in hosts)
    alpha, beta = (workshop.member(host, outside.network) for host in hosts)
    beta.configure(alpha)
    workshop.start(alpha, beta)
    return Configuration(outside, door, alpha, [alpha, beta])


def make_gateway(workshop, outside):
    """The gateway is in two networks: the browser's, and that of the members that start sessions."""
    edge, *hosts = (workshop.host(name) for name in ("edge", "alpha", "beta"))
    inside = workshop.network(edge, *hosts)
    gateway = workshop.member(edge, inside, **ONLY_CARRIES)
    alpha, beta = servers = [workshop.member(host, inside) for host in hosts]
    gateway.configure(alpha, beta)
    beta.configure(alpha)
    workshop.start(gateway, *servers)
    return Configuration(outside, outside.door(edge), gateway, servers)


class Outposts(NamedTuple):
    """The host of a gateway to which members inside connect and which has no route to them, and the networks behind it."""

    edge: Namespace
    # The gateway, and those that pass connections on to it from inside.
    middle: Network
    inside: Network


def make_outposts(workshop, passers, hosts):
    edge = workshop.host("edge")
    for passer in passers:
        passer.ip("address", "add", GATEWAY_INSIDE, "dev", "lo")
    return Outposts(edge, workshop.network(edge, *passers), workshop.network(*passers, *hosts))


def wait_outside(gateway, *members):
    """Waits until members inside are linked to a gateway, and makes sure that it has no route to them."""
    assert all(gateway.host.is_unreachable(member.reached_at) for member in members)

    def are_linked():
        links = gateway.status()["relayLinks"]
        return {link["serverId"] for link in links if link["state"] == "open"} == {each.server_id for each in members}

    eventually(are_linked, "the members inside are linked to the gateway")


def make_external(workshop, outside):
    """The members inside connect to the gateway, which has no route to them and is not trusted with everything."""
    passer, *hosts = (workshop.host(name) for name in ("passer", "alpha", "beta"))
    edge, middle, inside = make_outposts(workshop, [passer], hosts)
    workshop.forwarder(passer, GATEWAY_INSIDE, middle.addresses[edge])
    gateway = workshop.member(edge, middle, reached_at=GATEWAY_INSIDE, **ONLY_CARRIES)
    gateway.configure(external=True, keys=[workshop.gateway_key])
    alpha, beta = servers = [workshop.member(host, inside) for host in hosts]
    for server in servers:
        inside.route(server.host, GATEWAY_INSIDE, via=passer)
    alpha.configure(gateway, keys=workshop.full_keys)
    beta.configure(gateway, alpha, keys=workshop.full_keys)
    workshop.start(gateway, *servers)
    wait_outside(gateway, *servers)
    return Configuration(outside, outside.door(edge), gateway, servers)


def make_blocked(workshop, outside):
    """The same, with a proxy between the gateway and the only member for users that ends TLS and passes no upgrades."""
    passer, blocker, *hosts = (workshop.host(name) for name in ("passer", "blocker", "alpha", "beta"))
    edge, middle, inside = make_outposts(workshop, [passer, blocker], hosts)
    workshop.forwarder(passer, GATEWAY_INSIDE, middle.addresses[edge])
    proxy = workshop.nginx(blocker, GATEWAY_INSIDE, middle.addresses[edge])
    gateway = workshop.member(edge, middle, reached_at=GATEWAY_INSIDE, **ONLY_CARRIES)
    gateway.configure(external=True, unboundProxies=[middle.addresses[blocker]])
    # Gossip goes by way of this one, users by way of the other.
    alpha = workshop.member(hosts[0], inside, **ONLY_CARRIES)
    beta = workshop.member(hosts[1], inside)
    inside.route(alpha.host, GATEWAY_INSIDE, via=passer)
    inside.route(beta.host, GATEWAY_INSIDE, via=blocker)
    alpha.configure(gateway)
    beta.configure(alpha, {"url": gateway.url, "options": {"unbound": True, "ca": str(proxy.certificate)}})
    workshop.start(gateway, alpha, beta)
    wait_outside(gateway, alpha, beta)
    eventually(lambda: proxy.requests("GET /cluster/gossip"), "an upgrade is tried")
    return Configuration(outside, outside.door(edge), gateway, [beta], proxy)


def make_outbound(workshop, outside):
    """The gateway has no way to the members but an HTTP proxy, which opens connections when it is asked to."""
    edge, middle, *hosts = (workshop.host(name) for name in ("edge", "middle", "alpha", "beta"))
    near, inside = workshop.network(edge, middle), workshop.network(middle, *hosts)
    proxy = workshop.connect_proxy(middle, near)
    gateway = workshop.member(edge, near, environment={"HTTPS_PROXY": proxy.url}, **ONLY_CARRIES)
    alpha, beta = servers = [workshop.member(host, inside) for host in hosts]
    assert all(edge.is_unreachable(server.reached_at) for server in servers)
    gateway.configure(alpha, beta)
    beta.configure(alpha)
    workshop.start(gateway, *servers)
    return Configuration(outside, outside.door(edge), gateway, servers, outbound=proxy)
