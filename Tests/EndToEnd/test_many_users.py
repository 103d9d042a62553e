# Many users on one member: what logins and sessions cost, and how long pages and the API take beside them.
import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from api import Client
from users import host_command

USERS, LOGINS_EACH, SESSIONS = 5, 40, 50


def proportional_bytes(pids):
    """Memory of processes, with what several share divided among them."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return total * 1024


def process_tree(pid):
    pids = [pid]
    for child in host_command("ps", "--ppid", pid, "-o", "pid=").split() if has_children(pid) else []:
        pids += process_tree(int(child))
    return pids


def has_children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return bool(file.read().strip())


def latencies(clients, path, count):
    """Milliseconds of each of many requests, eight at a time."""
    def ask(number):
        client = clients[number % len(clients)]
        began = time.perf_counter()
        answer = client.http.get(path, headers=client.fields("GET"))
        assert answer.status_code == 200, answer.text
        return (time.perf_counter() - began) * 1000

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(ask, range(count)))


def summary(milliseconds):
    quantiles = statistics.quantiles(milliseconds, n=100)
    return {"p50": round(quantiles[49], 1), "p99": round(quantiles[98], 1)}


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_200_logins_and_50_sessions_on_one_member(make_portal, make_user, capsys):
    portal = make_portal(sessions={"perUserMax": SESSIONS})
    users = [make_user() for _ in range(USERS)]
    before = proportional_bytes([portal.process.pid])
    began = time.perf_counter()
    clients = [Client(portal).log_in(user) for user in users for _ in range(LOGINS_EACH)]
    login_seconds = (time.perf_counter() - began) / len(clients)
    after_logins = proportional_bytes([portal.process.pid])
    sessions = []
    for number in range(SESSIONS):
        client = clients[number % USERS * LOGINS_EACH]
        sessions.append(client.start("xterm", name=f"Session {number}"))
    supervisors = [process.pid for user in users for process in user.processes() if "session" in process.arguments]
    assert len(supervisors) == SESSIONS
    each = [proportional_bytes(process_tree(pid)) for pid in supervisors]
    figures = {
        "logins": len(clients), "secondsForEachLogin": round(login_seconds, 2), "sessions": len(sessions),
        "page": summary(latencies(clients, "/", 2_000)),
        "listOfSessions": summary(latencies(clients, "/api/v1/sessions", 2_000)),
        "megabytesForEachSession": round(statistics.mean(each) / 1e6, 1),
        "agentMegabytes": {
            "atFirst": round(before / 1e6, 1), "withLogins": round(after_logins / 1e6, 1),
            "withSessions": round(proportional_bytes([portal.process.pid]) / 1e6, 1)},
    }
    with capsys.disabled():
        print("\n" + json.dumps(figures, indent=1))
    counts = json.loads(portal.get(f"server/{portal.server_id}"))
    assert (counts["logins"], counts["uniqueLoginUsers"], counts["sessions"], counts["uniqueSessionUsers"]) == (
        200, USERS, 50, USERS)
