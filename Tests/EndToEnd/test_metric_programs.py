# The list of programs that metrics may start: what runs with it, what does not, and that none run where nothing holds them to it.
import os
import shutil

import pytest

from agents import PROGRAM
from test_metrics import errors, set_metric, settings, values
from test_metrics import node  # noqa: F401 (a fixture)
from waiting import eventually

ID = shutil.which("id")
SHELL = "/bin/sh"
FORBIDDEN = "EACCES"


def running(path, *arguments):
    """A metric that starts a program: what it prints, or an error."""
    return f"() => require('child_process').execFileSync('{path}', {list(arguments)}).toString().trim()"


def script(directory, name, text):
    path = directory / name
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def agent(cluster):
    return cluster.agent(program=PROGRAM, settings=settings()).start()


def allow(agent, *programs):
    agent.edit("settings.json", lambda content: content["scripts"].update(metricsPrograms=list(map(str, programs))))


def test_programs_that_are_listed_run_and_no_others(agent, directory):
    listed = script(directory, "listed", "#!/bin/sh\necho listed\n")
    nested = script(directory, "nested", f"#! {listed} x\n")
    wanted = {"id": running(ID, "-u"), "shell": "() => require('child_process').execSync('echo here').toString().trim()",
              "own": running("/usr/bin/env", "true"), "script": running(listed), "nested": running(nested),
              "throughTheShell": f"() => require('child_process').execSync('{ID} -u').toString().trim()",
              "itself": "() => require('child_process').execFileSync(process.execPath, ['-p', '1 + 1']).toString().trim()",
              # All else is as without the list.
              "file": f"() => {{ const fs = require('fs'); fs.mkdirSync('{directory}/to', {{ recursive: true }});"
                      f" fs.writeFileSync('{directory}/from', 'moved'); fs.renameSync('{directory}/from', '{directory}/to/file');"
                      f" return fs.readFileSync('{directory}/to/file', 'utf8'); }}"}
    for name, text in wanted.items():
        set_metric(agent, name, text)
    everything = {"id": str(os.getuid()), "shell": "here", "own": "", "script": "listed", "nested": "listed", "itself": "2",
                  "throughTheShell": str(os.getuid()), "file": "moved"}
    eventually(lambda: values(agent) == everything, "without a list all run", within=20)
    allow(agent, ID)
    wrong = eventually(lambda: set(errors(agent)) == {"shell", "own", "script", "nested", "throughTheShell"} and errors(agent),
                       "only the listed one runs", within=20)
    assert all(FORBIDDEN in error for error in wrong.values()), wrong
    assert f"spawnSync {SHELL} {FORBIDDEN}" in wrong["shell"] and f"spawnSync {listed} {FORBIDDEN}" in wrong["script"]
    # The interpreters of what is listed need not be: that is the shell, which starts nothing else for all that.
    allow(agent, nested)
    left = {"id", "own", "throughTheShell"}

    def only_through_the_shell():
        told = errors(agent)
        # One after the other: for a moment an error may be that of the list before.
        return set(told) == left and "Permission denied" in told["throughTheShell"]

    eventually(only_through_the_shell, "the shell runs, and starts nothing else", within=20)
    assert not agent.status()["metrics"]["problem"]
    allow(agent)
    eventually(lambda: not errors(agent), "all run again", within=20)


def test_a_program_that_is_replaced_or_comes_later_runs(agent, directory):
    tool = directory / "tool"
    set_metric(agent, "tool", running(tool))
    allow(agent, tool)
    eventually(lambda: "ENOENT" in errors(agent).get("tool", ""), "it is not there", within=20)
    for number in ("1", "2"):
        script(directory, "draft", f"#!/bin/sh\necho {number}\n").rename(tool)
        eventually(lambda: values(agent).get("tool") == number and not errors(agent), "it runs", within=20)


def test_a_script_whose_interpreter_env_finds_needs_that_on_the_list(agent, directory):
    tool = script(directory, "tool", "#!/usr/bin/env -S sh -e\necho it runs\n")
    set_metric(agent, "tool", running(tool))
    allow(agent, tool)
    problem = eventually(lambda: agent.status()["metrics"]["problem"], "it is told", within=20)
    assert f'"env" finds the interpreter of {tool}' in problem and "the absolute path of sh has to be in" in problem, problem
    eventually(lambda: errors(agent) == {"tool": f"it cannot run: {problem}"}, "all members are told")
    allow(agent, tool, SHELL)
    eventually(lambda: values(agent) == {"tool": "it runs"} and not errors(agent), "it runs", within=20)


def test_a_directory_is_not_all_that_is_in_it(agent):
    set_metric(agent, "id", running(ID, "-u"))
    allow(agent, "/usr/bin")
    problem = eventually(lambda: agent.status()["metrics"]["problem"], "it is told", within=20)
    assert "/usr/bin is a directory" in problem, problem
    eventually(lambda: "id" in errors(agent), "it does not run")
    allow(agent, ID)
    eventually(lambda: values(agent) == {"id": str(os.getuid())} and not errors(agent), "it runs", within=20)


def test_a_list_with_a_path_that_is_none_is_refused(agent):
    before = (agent.directory / "config/settings.json").read_text()
    for mistake in ("id", "", "/usr/bin/id\n", "/" + 1024 * "x"):
        mark = agent.mark()
        allow(agent, ID, mistake)
        agent.wait_logged(r"scripts\.metricsPrograms\[1\]: .* allowed: the absolute path of a program", since=mark)
        agent.write("settings.json", before)
