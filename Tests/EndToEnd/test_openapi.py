# The interface keeps what its OpenAPI document promises, whatever is sent.
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agents import ROOT
from api import COOKIE

pytestmark = pytest.mark.slow

PROGRAM = Path(sys.executable).with_name("schemathesis")
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
          "response_headers_conformance")
# A stream without an end, and what is no answer of HTTP.
ENDLESS = ("/events", "/sessions/{id}/display")
# These end the very login that asks, whose id the lists tell.
LOGGING_OUT = ("logOut", "logOutEverywhere", "endLogin")


def explore(portal, *options, seconds):
    """Sends what the document allows and what it does not; every answer is documented, and none an error of ours."""
    words = [option for path in ENDLESS for option in ("--exclude-path", path)]
    ended = subprocess.run(
        [PROGRAM, "run", f"{portal.url}/api/v1/openapi.json", "--tls-verify", "false", "--checks", ",".join(CHECKS),
         "--generation-database", "none", "--generation-with-security-parameters", "false", "--seed", "1",
         "--suppress-health-check", "all", "--no-color", "--continue-on-failure", "--request-timeout", "20", *words,
         *options],
        capture_output=True, text=True, timeout=seconds, cwd=portal.runtime.parent,
        env={**os.environ, "COLUMNS": "160"})
    noted = "\n".join(portal.logged("warning|error|steward")[-30:])
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:] + noted
    return ended.stdout


@pytest.fixture
def small_portal(make_portal):
    """Commands that are no programs start sessions that end soon."""
    return make_portal(sessions={"perUserMax": 2})


def test_the_document_is_served(visit):
    answer = visit().get("/openapi.json")
    assert answer.status_code == 200 and answer.json()["openapi"].startswith("3.1")
    assert answer.json() == json.loads((ROOT / "Sources/Agent/Portal/openapi.json").read_text())


def test_the_types_of_scripts_are_served_to_whoever_is_logged_in(visit, alice):
    answer = visit(alice).get("/fastx.d.ts")
    assert answer.status_code == 200 and answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == (ROOT / "Sources/Agent/ScriptWorker/fastx.d.ts").read_text()
    assert visit().get("/fastx.d.ts").status_code == 401


def test_nobody_gets_an_undocumented_answer(portal):
    explore(portal, "--max-examples", "8", "--phases", "examples,coverage,fuzzing", seconds=50)


def test_somebody_gets_no_undocumented_answer(small_portal, make_user, visit):
    client = visit(make_user(), portal=small_portal)
    fields = ["-H", f"Cookie: {COOKIE}={client.token}", "-H", f"X-CSRF-Token: {client.csrf_token}"]
    words = [option for name in LOGGING_OUT for option in ("--exclude-operation-id", name)]
    explore(small_portal, "--max-examples", "8", "--phases", "examples,coverage,fuzzing", *fields, *words, seconds=50)
    assert client.get("/me").status_code == 200


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_five_thousand_calls_get_no_undocumented_answer(small_portal, make_user, visit):
    client = visit(make_user(), portal=small_portal)
    words = [option for name in LOGGING_OUT for option in ("--exclude-operation-id", name)]
    explore(small_portal, "--max-examples", "500", "-H", f"Authorization: Bearer {client.token}", *words, seconds=1700)
