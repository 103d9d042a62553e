# A process that says to an agent, over the socket for stewards, what a steward would say.
import contextlib
import json
import socket


class FalseLink:
    """Connected as one user, and free to say anything."""

    def __init__(self, portal, user):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(10)
        with user.identity():
            self.socket.connect(str(portal.steward_socket))
        # Whoever is not welcome may be cut off before that.
        with contextlib.suppress(BrokenPipeError):
            self.say("hello", _0={"version": 1, "pid": 1, "software": "false", "sessions": 1})

    def say(self, kind, **members):
        self.socket.send(json.dumps({kind: members}).encode())

    def hear(self):
        """The next message; None once the agent has closed the connection."""
        try:
            packet = self.socket.recv(1 << 16)
        except ConnectionResetError:
            return None
        return json.loads(packet) if packet else None

    @property
    def is_cut_off(self):
        """Whether the agent has closed the connection; what it said before is read away."""
        self.socket.setblocking(False)
        try:
            while self.socket.recv(1 << 16):
                pass
            return True
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True
        finally:
            self.socket.settimeout(10)

    def report(self, session_id, **members):
        self.say("session", _0={
            "id": session_id, "name": "false", "command": "false", "geometry": "800x600", "params": {},
            "state": "running", "started": 1, "clients": 0, "display": ":1", "memoryBytes": 0, "cpuPercent": 0,
            "forgotten": False, **members})

    def close(self):
        self.socket.close()
