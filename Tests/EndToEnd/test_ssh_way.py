# SSH logins land on the host that the chain chooses: the command that says which, and the client's configuration for it.
import json
import os
import re
from pathlib import Path

import pytest

from agents import ROOT, run
from network import free_port
from sshd import HOST
from users import host_command
from waiting import eventually

OK, REFUSED, USAGE = 0, 1, 2
SSH_FAILED = 255
GATEWAY = "gateway.example.org"


@pytest.fixture(scope="module")
def gateway(make_portal):
    return make_portal(loginsEnabled=False, sessionsEnabled=False)


@pytest.fixture(scope="module")
def members(gateway, cluster_of):
    return [cluster_of(gateway) for _ in range(2)]


@pytest.fixture
def chain(gateway):
    """Sets the chain for logins to one script, for one test."""
    def chain(text, **options):
        gateway.ok("config", "set", "scripts/Door", "-", stdin=text)
        gateway.ok("config", "set", "placement", "-", stdin=json.dumps({"login": ["Door"], **options}))

    yield chain
    gateway.ok("config", "set", "placement", "-", stdin="{}")


# The command.


def choose(portal, user, name=None, *options):
    return portal.as_user(user, "choose", "--login", name or user.name, *options)


def complaint(result, status=REFUSED):
    assert result.returncode == status and not result.stdout, result
    return result.stderr.removeprefix("fastx-agent: ").removesuffix("\n")


def test_a_user_is_told_his_host_and_the_trace_is_kept(gateway, members, chain, alice):
    chosen = members[1]
    chain(f"({{ action, user, data }}) => {{ console.log(action, user.login, data.project); return '{chosen.server_id}'; }}")
    result = choose(gateway, alice, None, "--data", '{"project": "x"}')
    assert (result.returncode, result.stdout) == (OK, f"{chosen.address[0]}\n"), result
    document = json.loads(choose(gateway, alice, None, "--json").stdout)
    assert (document["host"], document["serverId"]) == (chosen.address[0], chosen.server_id)
    last, first = gateway.json("placement", "log", "--count", "2")
    assert last["id"] == document["placement"] and first["server"] == chosen.server_id
    assert first["runs"][0]["calls"][0]["console"] == [f"user/login {alice.name} x"]


def test_without_a_chain_the_default_rule_names_a_member_that_takes_logins(gateway, members, alice):
    result = choose(gateway, alice)
    assert result.stdout.strip() in {member.address[0] for member in members}, result
    closed, other = members
    named = choose(gateway, alice, None, "--data", json.dumps({"serverId": closed.server_id}))
    assert named.stdout == f"{closed.address[0]}\n"
    closed.edit("settings.json", lambda content: content.update(loginsEnabled=False))
    try:
        eventually(lambda: '"loginsEnabled":false' in gateway.get(f"server/{closed.server_id}"), "the gateway is told")
        assert choose(gateway, alice).stdout == f"{other.address[0]}\n"
        named = choose(gateway, alice, None, "--data", json.dumps({"serverId": closed.server_id}))
        assert "takes no logins" in complaint(named)
    finally:
        closed.edit("settings.json", lambda content: content.pop("loginsEnabled"))
        eventually(lambda: '"loginsEnabled":true' in gateway.get(f"server/{closed.server_id}"), "the gateway is told")


def test_one_asks_for_oneself_and_the_hosts_owners_for_anybody(gateway, members, alice, bob):
    assert f"{alice.name} may ask for {alice.name} alone" in complaint(choose(gateway, alice, bob.name))
    environment = {"FASTX_USER_SOCKET": str(gateway.user_socket)}
    as_root = run("choose", "--login", "nobody-known", program=gateway.program, environment=environment)
    assert as_root.status == OK and as_root.out, as_root
    as_agent = choose(gateway, gateway.service, bob.name)
    assert as_agent.returncode == OK and as_agent.stdout, as_agent


def test_administrators_ask_for_anybody_and_programs_that_are_logged_in_may_ask_too(
        gateway, members, visit, alice, bob):
    client = visit(alice, portal=gateway)
    assert client.ok("POST", "/choices", {"user": alice.name})["serverId"] in {member.server_id for member in members}
    assert client.ask("POST", "/choices", {"user": bob.name}).json()["reason"] == "not-yourself"
    gateway.edit("settings.json", lambda content: content["logins"].update(admins={"users": [alice.name]}))
    try:
        eventually(lambda: choose(gateway, alice, bob.name).returncode == OK, "she is an administrator")
        assert client.ok("POST", "/choices", {"user": bob.name})["host"]
    finally:
        gateway.edit("settings.json", lambda content: content["logins"].pop("admins"))
        eventually(lambda: choose(gateway, alice, bob.name).returncode == REFUSED, "she is none any more")


def test_what_a_script_throws_is_shown_unless_the_site_hides_it_from_strangers(gateway, chain, alice):
    text = "() => { throw new Error('The cluster is closed\\nuntil noon'); }"
    chain(text)
    assert complaint(choose(gateway, alice)) == "The cluster is closed\nuntil noon"
    chain(text, showLoginErrors=False)
    assert complaint(choose(gateway, alice)) == "no server can be chosen for you just now; tell the administrator"


@pytest.mark.parametrize("data", ["{", "7"])
def test_data_that_is_no_object_is_refused(gateway, alice, data):
    result = choose(gateway, alice, None, "--data", data)
    assert result.returncode in (REFUSED, USAGE) and "data" in result.stderr and not result.stdout, result


# A plain OpenSSH client.


def documented(pattern):
    """What the documentation has for a client."""
    [text] = re.findall(pattern, (ROOT / "docs/placement.md").read_text(), re.MULTILINE | re.DOTALL)
    return text


class SSHUser:
    """Somebody with a key that all hosts take, and with the documented configuration."""

    def __init__(self, user, portal, sshds):
        self.user = user
        self.directory = user.home / ".ssh"
        user.run("mkdir", "-m", "700", self.directory)
        user.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.directory / "id_ed25519")
        user.run("cp", self.directory / "id_ed25519.pub", self.directory / "authorized_keys")
        # On the gateway the command is found, as where a package has installed it.
        self.write(user.home / ".bashrc", "export PATH=%s:$PATH FASTX_USER_SOCKET=%s\n" % (
            Path(portal.program).parent, portal.user_socket))
        door, *hosts = sshds
        names = " ".join(host.address for host in hosts)
        self.write(self.directory / "config", documented(r"^```\n(Host cluster\n.*?)^```") + "\n".join([
            f"Host cluster {names}", f"    Port {hosts[0].port}", f"Host {GATEWAY}", f"    HostName {HOST}",
            f"    Port {door.port}", f"Host {GATEWAY} {names}", f"    UserKnownHostsFile {self.directory}/known_hosts",
            "    StrictHostKeyChecking yes", ""]))
        self.write(self.directory / "known_hosts", "".join(sshd.known_hosts.read_text() for sshd in sshds))
        self.know(*hosts)

    def write(self, path, text):
        path.write_text(text)
        os.chown(path, self.user.uid, self.user.gid)

    def know(self, *hosts):
        """Makes the keys of these hosts those of the cluster."""
        self.write(self.directory / "cluster_hosts", "".join(
            "cluster " + " ".join(Path(f"{host.key}.pub").read_text().split()[:2]) + "\n" for host in hosts))

    def ssh(self, *words):
        return self.user.run("ssh", *words)


@pytest.fixture(scope="module")
def sshds(make_sshd, members):
    """Those of the gateway and of the members, which have one port, as they all have 22 elsewhere."""
    options = ("PubkeyAuthentication yes", "KbdInteractiveAuthentication no")
    port = free_port(members[0].address[0])
    return [make_sshd(options=options)] + [
        make_sshd(options=options, address=member.address[0], port=port) for member in members]


@pytest.fixture
def client(make_user, gateway, sshds):
    return SSHUser(make_user(), gateway, sshds)


WHERE = "set -- $SSH_CONNECTION; echo $3"


def test_ssh_cluster_runs_a_command_on_the_chosen_host(client, members, chain):
    for chosen in (members[1], members[0]):
        chain(f"({{ user }}) => user.login === '{client.user.name}' && '{chosen.server_id}'")
        result = client.ssh("cluster", WHERE)
        assert (result.returncode, result.stdout) == (OK, f"{chosen.address[0]}\n"), result
    # Standard input and binary output pass untouched, and the status of the command is that of ssh.
    text = "".join(chr(code) for code in range(1, 128)) * 1_000
    echoed = client.user.run("ssh", "cluster", "cat; exit 7", input=text)
    assert (echoed.returncode, echoed.stdout) == (7, text.replace("\r", "\n"))


def test_a_script_that_refuses_is_read_at_the_client(client, chain):
    chain("() => { throw new Error('The cluster is closed until noon'); }")
    result = client.ssh("cluster", WHERE)
    assert result.returncode == SSH_FAILED and not result.stdout, result
    assert "The cluster is closed until noon" in result.stderr


def test_a_host_whose_key_is_none_of_the_clusters_is_not_logged_in_at(client, members, sshds, chain):
    chain(f"() => '{members[1].server_id}'")
    client.know(sshds[1])
    result = client.ssh("cluster", WHERE)
    assert result.returncode == SSH_FAILED and not result.stdout, result
    assert "Host key verification failed" in result.stderr
    # Nor has the login at the other one changed what is known.
    chain(f"() => '{members[0].server_id}'")
    client.know(*sshds[1:])
    before = (client.directory / "cluster_hosts").read_text()
    assert client.ssh("cluster", WHERE).stdout == f"{members[0].address[0]}\n"
    assert (client.directory / "cluster_hosts").read_text() == before


def test_certified_host_keys_need_one_line_for_all_members(client, members, make_sshd, sshds, chain, tmp_path):
    authority = tmp_path / "authority"
    host_command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", authority)
    public = " ".join(Path(f"{authority}.pub").read_text().split()[:2])
    client.write(client.directory / "cluster_hosts", f"@cert-authority cluster {public}\n")
    chain(f"() => '{members[1].server_id}'")
    assert client.ssh("cluster", WHERE).returncode == SSH_FAILED
    host_command("ssh-keygen", "-q", "-s", authority, "-I", "a member", "-h", "-n", "cluster", f"{sshds[2].key}.pub")
    certified = make_sshd(
        options=("PubkeyAuthentication yes", f"HostKey {sshds[2].key}", f"HostCertificate {sshds[2].key}-cert.pub"),
        address=members[1].address[0])
    result = client.ssh("-p", certified.port, "cluster", WHERE)
    assert (result.returncode, result.stdout) == (OK, f"{members[1].address[0]}\n"), result


def test_the_function_for_the_shell_checks_the_key_of_the_very_host(client, members, sshds, chain):
    function = documented(r"^```\n(cluster\(\) .*?)^```")
    chain(f"() => '{members[1].server_id}'")
    result = client.user.run("bash", "-c", f"{function}\ncluster '{WHERE}'")
    assert (result.returncode, result.stdout) == (OK, f"{members[1].address[0]}\n"), result
    client.write(client.directory / "known_hosts", "".join(sshd.known_hosts.read_text() for sshd in sshds[:2]))
    result = client.user.run("bash", "-c", f"{function}\ncluster '{WHERE}'")
    assert result.returncode == SSH_FAILED and "Host key verification failed" in result.stderr, result
