# The files in which cluster keys travel: whoever reads one can be a member.
import os
import stat
import subprocess

import pytest

from agents import PROGRAM
from needs import needs_root
from readme import commands_with

# Stands for scp, and for ssh's other side: the second host's files are in a directory beside the first one's.
SCP = """#!/bin/sh
[ "$(stat -c %a "$1")" = 600 ] && [ "$2" = root@beta: ] && cp --preserve=mode "$1" ../beta/
"""
MASKS = [0o000, 0o022, 0o077]


@pytest.fixture
def member(cluster):
    return cluster.agent(name="m")


@pytest.fixture
def secret_text(cluster):
    return cluster.key_file.read_text()


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def export_into(member, path, umask):
    """`key export > path`, as a shell with a umask does it."""
    return subprocess.run(
        ["bash", "-c", 'umask "$0"; "$1" key export --var-dir "$2" >"$3"', f"{umask:04o}", PROGRAM, member.directory, path],
        capture_output=True, text=True, timeout=15)


@pytest.mark.parametrize("umask", MASKS)
def test_an_exported_key_is_in_a_file_of_its_own_that_nobody_else_can_read(member, directory, secret_text, umask):
    path = directory / "exported.key"
    done = subprocess.run(
        [PROGRAM, "key", "export", "--to", path, "--var-dir", member.directory], capture_output=True, text=True,
        timeout=15, umask=umask)
    assert done.returncode == 0 and not done.stderr and str(path) in done.stdout, done
    assert secret_text.strip() not in done.stdout
    assert path.read_text() == secret_text and mode_of(path) == 0o600 and path.stat().st_uid == os.geteuid()
    assert member.ok("key", "export") == secret_text


def test_an_exported_key_replaces_no_file_and_follows_no_link(member, directory):
    taken, link, target = directory / "taken", directory / "link", directory / "target"
    taken.write_text("mine")
    link.symlink_to(target)
    before = set(directory.iterdir())
    for path in (taken, link, directory):
        result = member.run("key", "export", "--to", path)
        assert result.status == 1 and str(path) in result.err and "not overwritten" in result.err, result
        assert not result.out
    assert taken.read_text() == "mine" and set(directory.iterdir()) == before
    missing = directory / "none" / "key"
    assert member.run("key", "export", "--to", missing).status == 1
    # Which of several keys is meant has to be said before anything is made.
    member.ok("key", "new")
    assert member.run("key", "export", "--to", directory / "which").status == 1
    assert set(directory.iterdir()) == before


def test_a_key_that_root_exports_into_a_users_directory_stays_with_root(member, directory):
    needs_root("a directory is given to another user")
    home = directory / "home"
    home.mkdir()
    os.chown(home, 12345, 12345)
    member.ok("key", "export", "--to", home / "key")
    assert (home / "key").stat().st_uid == 0


@pytest.mark.parametrize("umask", MASKS)
def test_a_key_is_not_printed_into_a_file_that_others_can_read(member, directory, secret_text, umask):
    path = directory / "printed.key"
    done = export_into(member, path, umask)
    if umask == 0o077:
        assert done.returncode == 0 and not done.stderr and path.read_text() == secret_text, done
        return
    assert done.returncode == 1 and "--to FILE" in done.stderr and "other users" in done.stderr, done
    assert f"--var-dir {member.directory}" in done.stderr
    assert path.read_bytes() == b""


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_file_that_others_can_read_is_taken_with_a_warning(cluster, directory, mode):
    loose = cluster.new_key_file("loose")
    loose.chmod(mode)
    made = cluster.agent(name="made", key_file=loose)
    added = cluster.agent(name="added")
    result = added.run("key", "add", loose)
    for ended in (made.made, result):
        assert ended.status == 0, ended
        [warning] = ended.err.splitlines()
        assert warning.startswith("fastx-agent: warning: ") and f"chmod 0600 {loose}" in warning, warning
        assert f"mode {mode:04o}" in warning and "key --help" in warning, warning
    assert made.ok("key", "export") == loose.read_text()


def test_a_private_key_file_and_a_pipe_are_taken_without_a_warning(cluster, member):
    assert not member.made.err
    other = cluster.agent(name="other", key_file=cluster.new_key_file("other"))
    result = other.run("key", "add", "/dev/stdin", stdin=member.ok("key", "export"))
    assert result.status == 0 and not result.err, result


def test_what_the_readme_and_init_say_leaves_no_key_that_others_can_read(directory):
    tools = directory / "tools"
    for name in ("tools", "alpha", "beta"):
        (directory / name).mkdir(mode=0o755)
    (tools / "fastx-agent").symlink_to(PROGRAM)
    (tools / "scp").write_text(SCP)
    (tools / "scp").chmod(0o755)

    def type_in(host, commands):
        lines = [line for line in commands.splitlines() if not line.strip().startswith("fastx-agent run ")]
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "\n".join(lines).replace("/var/lib/fastx", f"{directory}/{host}/var")],
            cwd=directory / host, capture_output=True, text=True, timeout=20, umask=0o022,
            env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"})
        assert done.returncode == 0 and not done.stderr, done
        return done.stdout

    told = type_in("alpha", commands_with("--new-cluster-key"))
    type_in("beta", commands_with("--cluster-key-file"))
    for host in ("alpha", "beta"):
        assert [path.name for path in (directory / host).iterdir()] == ["var"]
    # What init advises is as careful as the README.
    [advised] = [line for line in told.splitlines() if line.startswith("    fastx-agent key export ")]
    type_in("alpha", advised)
    assert mode_of(directory / "alpha/cluster.key") == 0o600
