# Fixtures: people of this host, its sshd and sudo, and members that these people log in at.
import shutil
from itertools import count

import pytest

from agents import Cluster
from api import Client
from display import Viewer
from needs import needs, needs_root
from portal import Installation, Portal
from sshd import PASSWORD, Sshd
from tokens import new_gateway_key
from users import HostUser
from waiting import eventually

PROGRAMS = ("sshd", "sudo", "visudo", "useradd", "setpriv", "Xvnc", "xterm", "openbox", "xdpyinfo")


@pytest.fixture(scope="session")
def installation():
    needs_root("users of this host are made")
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    needs(not missing, f"{', '.join(missing)} are missing on this host: run scripts/install-packages")
    installation = Installation()
    yield installation
    installation.close()


@pytest.fixture(scope="session")
def places(installation):
    """New names below a directory that everybody may enter, as short as Unix sockets need them."""
    return (installation.directory / f"p{number}" for number in count())


@pytest.fixture(scope="session")
def make_sshd(places):
    made = []

    def make(*arguments, **options):
        made.append(Sshd(next(places), *arguments, **options))
        return made[-1]

    yield make
    for sshd in made:
        sshd.close()


@pytest.fixture(scope="session")
def sshd(make_sshd):
    """One that asks for the password."""
    return make_sshd(PASSWORD)


@pytest.fixture(scope="module")
def make_user(installation):
    """Makes people. They may have stewards by sudo unless another group is named."""
    made = []

    def make(groups=None, **options):
        made.append(HostUser([installation.people.name] if groups is None else groups, **options))
        return made[-1]

    yield make
    for user in made:
        user.remove()


@pytest.fixture(scope="module")
def alice(make_user):
    return make_user()


@pytest.fixture(scope="module")
def bob(make_user):
    return make_user()


@pytest.fixture(scope="module")
def make_portal(installation, places, sshd, make_user):
    """Makes running members, which end before their users do; the sshd is the ordinary one unless another is given."""
    cluster = Cluster(installation.directory)

    def make(sshd=sshd, **options):
        portal = Portal(next(places), installation, sshd, cluster.key_file, **options)
        cluster.agents.append(portal)
        return portal.start()

    yield make
    cluster.close()


@pytest.fixture(scope="module")
def portal(make_portal):
    """A member that all tests of a module share."""
    return make_portal()


@pytest.fixture(scope="module")
def cluster_of(make_portal):
    """Makes members that are linked to a first one."""
    def make(first, **options):
        portal = make_portal(**options)
        portal.set_access_points(first.url)
        portal.wait_linked(first)
        eventually(lambda: first.get(f"server/{portal.server_id}"), "the first one knows it")
        eventually(lambda: portal.get(f"server/{first.server_id}"), "it knows the first one")
        return portal

    return make


@pytest.fixture(scope="module")
def gateway_of(make_portal):
    """Makes gateways that have nothing but a gateway key of a member inside; external ones are to be linked to by it."""
    def make(inside, external=False):
        gateway = make_portal(loginsEnabled=False, sessionsEnabled=False)
        key = {"secret": new_gateway_key(inside), "scope": "gateway"}
        points = [] if external else [{"url": inside.url}]
        gateway.edit("cluster.json", lambda content: content.update(
            keys=[key], external=external, databaseConnections=points))
        if external:
            inside.set_access_points(gateway.url)
        inside.wait_linked(gateway)
        eventually(lambda: gateway.get(f"server/{inside.server_id}"), "the gateway knows the member inside")
        eventually(lambda: inside.get(f"server/{gateway.server_id}"), "the member inside knows the gateway")
        return gateway

    return make


@pytest.fixture(scope="module")
def reside(portal):
    """The browser of a user that stays open for the whole module; one for each user and version of HTTP."""
    made = {}

    def reside(user, **options):
        key = (user and user.name, *sorted(options.items()))
        if key not in made:
            made[key] = Client(portal, **options)
            if user:
                made[key].log_in(user)
        return made[key]

    yield reside
    for client in made.values():
        client.close()


@pytest.fixture
def visit(portal):
    """Opens browsers: `visit()` has yet to log in. Their users are logged out in the end, and their sessions ended."""
    made = []

    def visit(user=None, portal=portal, **options):
        client = Client(portal, **options)
        made.append(client)
        return client.log_in(user) if user else client

    yield visit
    for client in made:
        if client.token and client.portal.process and client.get("/me").status_code == 200:
            client.end_all()
            client.ask("DELETE", "/login")
        client.close()


@pytest.fixture
def view():
    """Connects viewers."""
    made = []

    def view(client, session_id, **options):
        made.append(Viewer(client, session_id, **options))
        return made[-1]

    yield view
    for viewer in made:
        viewer.close()


@pytest.fixture
def follow():
    """Opens streams of events."""
    made = []

    def follow(client, **options):
        made.append(client.events(**options))
        return made[-1]

    yield follow
    for stream in made:
        stream.close()
