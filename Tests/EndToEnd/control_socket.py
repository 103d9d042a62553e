# Requests to the socket of a member's own commands, without a process for each.
import httpx


class ControlSocket:
    """A connection pool to a running member; for several threads at a time."""

    def __init__(self, agent):
        transport = httpx.HTTPTransport(uds=str(agent.directory / "agent.sock"))
        self.http = httpx.Client(base_url="http://member", transport=transport, timeout=30, trust_env=False)

    def close(self):
        self.http.close()

    def try_placement(self, user, servers, action="session/start"):
        """The trace of a placement that nobody asked for, among recorded servers."""
        answer = self.http.post("/v1/placements/try", json={"action": action, "user": user, "servers": servers})
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return answer.json()
