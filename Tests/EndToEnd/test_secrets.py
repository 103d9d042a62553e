# The cluster key appears nowhere but in its file.
import base64
import subprocess

from agents import Agent, run
from waiting import eventually


def test_the_cluster_key_appears_nowhere(cluster):
    text = cluster.key_file.read_text().strip()
    raw = bytes.fromhex(text)
    forms = [text.encode(), text.upper().encode(), raw, base64.b64encode(raw).rstrip(b"="),
             base64.urlsafe_b64encode(raw).rstrip(b"=")]
    found = {}

    def inspect(where, content):
        if isinstance(content, str):
            content = content.encode()
        if any(form in content for form in forms):
            found[where] = content[:300]

    first, second = cluster.agent(), cluster.agent()
    second.set_access_points(first.url)
    for member in (first, second):
        inspect("init", member.made.out + member.made.err)
        assert run("debug", "on", "all", "--var-dir", member.directory, timeout=30).status == 0
    cluster.start([first, second])
    second.wait_linked(first)
    stranger = Agent(cluster.directory / "stranger", [first.url], cluster.new_key_file("other"))
    cluster.agents.append(stranger)
    stranger.start()
    eventually(lambda: stranger.last_error(), "the stranger is refused")

    first.put("config/x", "1")
    for arguments in (
        ("status",), ("status", "--json"), ("members",), ("members", "--json"), ("dump",), ("list",), ("check",),
        ("explain", "config/x"), ("explain", f"server/{second.server_id}", "--json"), ("key", "list"),
        ("key", "list", "--json"), ("key", "add", cluster.key_file), ("key", "remove", "none"), ("config", "check"),
        ("help",), ("put", "server/x", "1"),
    ):
        result = first.run(*arguments)
        inspect(arguments, result.out + result.err)
    # Mistakes in the very file are told without the secret.
    good = first.path("cluster.json").read_text()
    for bad in (good.replace(text, text + "0"), good.replace(text, text[:40]), good.replace(text, text + "/*"),
                good.replace('"scope"', '"skope"'), good.replace(f'"{text}"', text), good[:good.index(text) + 64]):
        first.write("cluster.json", bad)
        inspect("config check", first.run("config", "check").err)
        inspect("key list", first.run("key", "list").err)
        first.write("cluster.json", good)
    first.ok("key", "new", "--name", "second")
    for member in (first, second, stranger):
        process = member.process.pid
        for file in ("cmdline", "environ", "comm", "status"):
            with open(f"/proc/{process}/{file}", "rb") as content:
                inspect(f"{member.name}: {file}", content.read())
        copy = cluster.directory / f"{member.name}.mdb"
        member.ok("backup", copy)
        inspect(f"{member.name}: store", copy.read_bytes())
    listed = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, timeout=10, check=True)
    inspect("ps", listed.stdout)
    cluster.close()
    for member in (first, second, stranger):
        inspect(f"{member.name}: log", member.log_path.read_bytes())
        assert member.logged(" debug ") or member is stranger
    assert not found, found


def test_no_core_file_can_hold_secrets(agent):
    limits = open(f"/proc/{agent.process.pid}/limits").read()
    [line] = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert line.split()[4:6] == ["0", "0"], line
