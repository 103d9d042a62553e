# Gateways with members behind them, whose scripts choose the servers.
import json

from waiting import eventually

GPU = "Needs GPU"
FEWEST = "Fewest Sessions"


class Site:
    """A gateway and three members behind it, one of which has a GPU; configuration is the cluster's."""

    def __init__(self, make_portal, cluster_of):
        self.gateway = make_portal(loginsEnabled=False, sessionsEnabled=False)
        self.members = [cluster_of(self.gateway) for _ in range(3)]
        self.with_gpu = self.members[2]
        self.with_gpu.edit("static-data.json", lambda content: content.update(gpu=True))
        eventually(lambda: '"gpu":true' in self.gateway.get(f"server/{self.with_gpu.server_id}"), "the GPU is told of")

    def script(self, name, text):
        self._set(f"scripts/{name}", text)

    def chain(self, **chains):
        self._set("placement", json.dumps(chains))

    def _set(self, name, text):
        self.gateway.ok("config", "set", name, "-", stdin=text)

    def explained(self, session):
        """Why a session is where it is, once the map has it."""
        eventually(lambda: self.gateway.get(f"session/{session['serverId']}/{session['id']}"), "the gateway knows the session")
        return self.gateway.ok("placement", "explain", session["id"])

    def tried(self, user, **options):
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        return self.gateway.json("placement", "try", "--user", user.name, *arguments)
