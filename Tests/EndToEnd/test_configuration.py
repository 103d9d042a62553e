# The configuration files: taken up while the agent runs, refused where they are wrong.
import json
import os
import signal

import pytest

from agents import run
from waiting import eventually

# Within this a change of static data or settings is to be seen by others.
PUBLISHED_SECONDS = 1


def update_of(viewer, member):
    for entry in viewer.json("members"):
        if entry["serverId"] == member.server_id:
            return entry["update"]
    return {}


def test_static_data_is_seen_by_others_within_about_a_second(cluster):
    first, second = cluster.chain(2)
    second.wait_linked(first)
    eventually(lambda: update_of(second, first), "the first update arrives")
    first.write("static-data.json", '{"group": "chemistry", "gpu": true}')
    eventually(
        lambda: update_of(second, first)["staticData"] == {"group": "chemistry", "gpu": True}, "the change arrives",
        within=PUBLISHED_SECONDS + 0.5)
    first.wait_logged("configuration changed: static-data.json: gpu: absent -> true")


def test_settings_are_taken_up_and_logged(cluster):
    agent = cluster.agent().start()
    agent.edit("settings.json", lambda content: content.update(loginsEnabled=False, updateIntervalSeconds=7))
    agent.wait_logged("configuration changed: settings.json: loginsEnabled: true -> false")
    agent.wait_logged("configuration changed: settings.json: updateIntervalSeconds: 30 -> 7")
    eventually(lambda: update_of(agent, agent)["loginsEnabled"] is False, "the update has it")
    agent.edit("settings.json", lambda content: content.update(urls=["https://front.example.org:3300"]))
    eventually(lambda: update_of(agent, agent)["urls"] == ["https://front.example.org:3300"], "the update has it")


def test_access_points_are_taken_up_and_let_go(cluster):
    first, second = cluster.start([cluster.agent(), cluster.agent()])
    second.set_access_points(first.url)
    second.wait_linked(first)
    second.wait_logged(f"configuration changed: cluster.json: databaseConnections: {first.url} added")
    second.set_access_points()
    eventually(lambda: not second.links() and not first.links(), "the link ends")
    second.wait_logged(f"configuration changed: cluster.json: databaseConnections: {first.url} removed")
    [line] = first.wait_logged("link down")
    assert "removed from the configuration" in line, line


def test_being_external_is_taken_up(cluster):
    agent = cluster.agent().start()
    agent.edit("cluster.json", lambda content: content.update(external=True))
    agent.wait_logged("configuration changed: cluster.json: external: false -> true")
    eventually(lambda: update_of(agent, agent)["external"] is True, "the update has it")


def test_a_change_of_the_listen_address_is_taken_up_or_said_to_need_a_restart(cluster):
    agent, other = cluster.agent(), cluster.agent()
    agent.start()
    new = "%s:%d" % other.address
    agent.edit("www.json", lambda content: content.update(listen=new))
    line = " ".join(agent.wait_logged("www.json: listen"))
    if "restart" not in line and "next start" not in line:
        eventually(lambda: agent.status()["listen"] == new, "the agent listens where it was told to", within=3)


def test_a_new_certificate_is_served_without_a_restart(cluster):
    first, second = cluster.chain(2)
    second.wait_linked(first)
    donor = cluster.agent()
    before = first.status()["certificateSHA256"]
    first.write("key-2.pem", donor.path("key.pem").read_text())
    first.write("certificate-2.pem", donor.path("certificate.pem").read_text())
    first.edit("www.json", lambda content: content.update(certificate="certificate-2.pem", key="key-2.pem"))
    first.wait_logged("configuration changed: www.json: certificate")
    eventually(lambda: first.status()["certificateSHA256"] != before, "the new certificate counts")
    assert first.links(), "open links keep the old certificate"
    second.restart()
    second.wait_linked(first)


@pytest.mark.parametrize(
    "file, content, words",
    [
        ("settings.json", '{"updateIntervalSeconds": "30"}', ["updateIntervalSeconds", '"30"', "1 to 60"]),
        ("settings.json", '{"sesionsEnabled": true}', ["sesionsEnabled", 'did you mean "sessionsEnabled"']),
        ("settings.json", '{"loginsEnabled": null}', ["loginsEnabled", "true, false"]),
        ("debug.json", '{"topics": ["Cluster"]}', ["topics[0]", "Cluster", "Cluster Database"]),
        ("debug.json", '{"topics":', ["not valid JSON", "line 1"]),
        ("static-data.json", "[1]", ["object"]),
        ("www.json", '{"listen": "x"}', ["listen", '"x"', "host:port"]),
        ("www.json", '{"listen": "127.0.0.1:1", "certificate": "none.pem"}', ["none.pem"]),
        ("cluster.json", '{"databaseConnections": [{"url": "http://a:1"}]}', ["databaseConnections[0].url", "https"]),
        ("cluster.json", '{"databaseConnections": [{"url": "https://a:1", "options": {"maxSockets": 1}}]}',
         ["databaseConnections[0].options.maxSockets"]),
        ("cluster.json", '{"databaseConnections": [{"url": "https://a:1", "options": {"ca": "none.pem"}}]}',
         ["none.pem"]),
        ("cluster.json", '{"keys": [{"secret": "abcdef"}]}', ["keys[0].secret", "32"]),
        ("cluster.json", '{"keys": [], "keys": []}', ["keys"]),
    ])
def test_an_invalid_file_is_refused_and_the_old_one_stays(agent, file, content, words):
    agent.write(file, content)
    line = agent.wait_logged("configuration refused, the old one stays")[0]
    checked = agent.run("config", "check")
    assert checked.status == 2, checked
    for text in (line, checked.err):
        assert file in text, text
        for word in words:
            assert word in text, (word, text)
        assert "abcdef" not in text
    mistakes = [line for line in checked.err.splitlines() if "warning:" not in line]
    assert len(mistakes) == 1, checked.err
    assert agent.run("put", "config/x", "1").status == 0
    assert agent.status()["keys"]
    # The start is refused in the same words.
    assert agent.stop() == 0
    started = agent.run("run", timeout=10)
    assert started.status == 2 and words[0] in started.err and file in started.err, started


def test_all_mistakes_are_told_at_once(cluster):
    member = cluster.agent()
    member.write("settings.json", '{"loginsEnabled": 1, "updateIntervalSeconds": 0}')
    member.write("debug.json", "[]")
    checked = member.run("config", "check")
    assert checked.status == 2 and len(checked.err.splitlines()) == 3, checked.err


def test_config_check_finds_no_mistake_in_what_init_makes(cluster):
    assert "no mistakes" in cluster.agent().ok("config", "check")


def test_a_mended_file_is_taken_up(agent):
    agent.write("settings.json", "{")
    agent.wait_logged("configuration refused")
    agent.write("settings.json", '{"loginsEnabled": false}')
    agent.wait_logged("configuration changed: settings.json: loginsEnabled")


def test_a_half_written_file_does_no_harm(agent):
    """Editors write in place: the agent may read in the middle, and must take the end."""
    path = agent.path("settings.json")
    with open(path, "w") as file:
        file.write('{"loginsEnabled": ')
        file.flush()
        file.write("false}")
    agent.wait_logged("configuration changed: settings.json: loginsEnabled: true -> false")


def test_a_hangup_reads_the_configuration_again(agent):
    """A certificate that lies elsewhere is not watched; SIGHUP takes it up."""
    agent.process.send_signal(signal.SIGHUP)
    agent.edit("settings.json", lambda content: content.update(loginsEnabled=False))
    agent.process.send_signal(signal.SIGHUP)
    agent.wait_logged("configuration changed: settings.json: loginsEnabled")
    assert agent.process.poll() is None


@pytest.mark.parametrize("name, mode", [("config", 0o750), ("config/cluster.json", 0o640), ("config/key.pem", 0o604),
                                        (".", 0o755)])
def test_loose_modes_refuse_the_start_and_say_how_to_mend_it(cluster, name, mode):
    member = cluster.agent()
    path = member.directory / name if name != "." else member.directory
    os.chmod(path, mode)
    started = member.run("run", timeout=10)
    assert started.status == 2, started
    assert f"{mode:04o}" in started.err and "chmod" in started.err and str(path) in started.err, started.err
    assert member.run("config", "check").status == 2


def test_init_makes_everything_private(cluster):
    member = cluster.agent().start()
    for path in [member.directory, *member.directory.rglob("*")]:
        assert os.stat(path).st_mode & 0o077 == 0, (path, oct(os.stat(path).st_mode))
    assert set(os.listdir(member.directory / "config")) >= {
        "cluster.json", "settings.json", "static-data.json", "debug.json", "www.json", "certificate.pem", "key.pem"}


def test_debug_topics_change_the_log_of_a_running_agent(cluster):
    first, second = cluster.chain(2)
    second.wait_linked(first)
    assert not first.logged(" debug ")
    said = first.run("debug", "on", "cluster-communication")
    assert said.status == 0, said
    first.wait_logged(" debug cluster-communication")
    first.wait_logged("configuration changed: debug.json: Cluster Communication: off -> on")
    assert not first.logged(" debug cluster-database")
    first.ok("debug", "on", "Cluster Database")
    first.put("config/x", "1")
    first.wait_logged(" debug cluster-database")
    first.ok("debug", "off", "all")
    first.wait_logged("debug.json: Cluster Database: on -> off")
    mark = first.mark()
    first.put("config/y", "1")
    eventually(lambda: second.get("config/y") == "1", "the write has passed")
    assert not first.logged(" debug ", since=mark)
    assert json.loads(first.path("debug.json").read_text()) == {"topics": []}


def test_a_key_of_another_certificate_is_named_with_its_certificate(cluster):
    member, other = cluster.agent(), cluster.agent()
    own = member.path("key.pem").read_text()
    member.write("key.pem", other.path("key.pem").read_text())
    started = member.run("run", timeout=10)
    assert started.status == 2, started
    for word in ("www.json", str(member.path("key.pem")), str(member.path("certificate.pem")), "not the one"):
        assert word in started.err, started.err
    member.write("key.pem", own)
    member.start()
    member.write("key.pem", other.path("key.pem").read_text())
    member.wait_logged("configuration refused, the old one stays: .*key.pem is not the one")


def test_a_port_in_use_is_named(cluster):
    first = cluster.agent().start()
    second = cluster.agent()
    second.edit("www.json", lambda content: content.update(listen="%s:%d" % first.address))
    started = second.run("run", timeout=10)
    # Not 2, with which the unit would not try again: the port may be free a moment later.
    assert started.status == 1, started
    assert "www.json" in started.err and "listen" in started.err and "use" in started.err, started.err
    assert not [line for line in started.err.splitlines() if "Hummingbird" in line or "Error(" in line], started.err


def test_a_path_too_long_for_the_socket_is_refused(cluster):
    directory = cluster.directory / ("d" * 100)
    assert run("init", "--var-dir", directory, "--listen", "127.0.0.1:0").status in (0, 2)
    started = run("run", "--var-dir", directory, timeout=10)
    assert started.status == 2 and "107" in started.err, started
