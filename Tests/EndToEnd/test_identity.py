# One process for each member: second daemons, clones, and members that come back.
import shutil

from agents import Agent
from waiting import eventually


def clone_of(cluster, member, *access_points):
    """A copy of a stopped or running member's directory at another address."""
    clone = Agent.__new__(Agent)
    clone.__dict__.update(member.__dict__)
    template = cluster.agent(*access_points, name=f"clone-of-{member.name}")
    clone.directory, clone.log_path, clone.address = template.directory, template.log_path, template.address
    clone.name, clone.process = template.name, None
    www = template.path("www.json").read_text()
    shutil.rmtree(clone.directory)
    shutil.copytree(member.directory, clone.directory, ignore=shutil.ignore_patterns("agent.sock", "lock*"))
    clone.write("www.json", www)
    clone.set_access_points(*(point.url for point in access_points))
    cluster.agents.append(clone)
    return clone


def test_a_second_daemon_on_the_same_directory_is_refused_with_the_pid_of_the_first(agent):
    second = agent.run("run", timeout=10)
    assert second.status in (1, 2) and f"process {agent.process.pid}" in second.err, second
    assert str(agent.directory) in second.err
    agent.put("config/still", "works")
    assert agent.get("config/still") == "works"


def test_a_clone_is_refused_by_name_while_the_first_lives(cluster):
    hub = cluster.agent().start()
    original = cluster.agent(hub).start()
    original.wait_linked(hub)
    clone = clone_of(cluster, original, hub).start()
    [line, *_] = hub.wait_logged(f"clone: .*{original.server_id}", within=15)
    assert "error" in line and "fastx-agent init" in line, line
    eventually(lambda: "clone" in clone.last_error(), "the clone is told", within=15)
    assert original.server_id in clone.last_error()
    assert not clone.links() and original.linked_ids() == {hub.server_id}
    assert not original.logged("link down")
    # Once the original is gone, the copy is a member that moved.
    original.kill()
    clone.wait_linked(hub, within=40)


def test_a_clone_that_dials_its_original_is_refused_by_name(cluster):
    original = cluster.agent().start()
    clone = clone_of(cluster, original, original).start()
    eventually(lambda: "clone" in clone.last_error(), "the clone is told")
    original.wait_logged(f"clone: .*{original.server_id}")


def test_a_member_killed_and_started_again_is_let_in_at_once(cluster):
    hub = cluster.agent().start()
    member = cluster.agent(hub).start()
    member.wait_linked(hub)
    for _ in range(2):
        member.restart()
        member.wait_linked(hub, within=8)
    hub.put("config/x", "1")
    eventually(lambda: member.get("config/x") == "1", "changes arrive")
    assert not hub.logged("clone"), hub.log()


def test_a_member_keeps_its_id_and_its_map(cluster):
    member = cluster.agent().start()
    member.put("config/x", "1")
    assert member.stop() == 0
    member.start()
    assert member.status()["serverId"] == member.server_id and member.get("config/x") == "1"
