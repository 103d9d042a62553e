# A link: phases, handshake, proofs, pings and credit (docs/protocol.md, sections 5, 7, 9.1 and 10.1).
import asyncio
import hmac
import secrets
from collections import deque

from second_implementation.entries import ProtocolError, read_entries, wall_time
from second_implementation.keys import transcript
from second_implementation.messages import decode, encode
from second_implementation.rounds import Rounds

REASONS = {
    1: "shutdown", 2: "duplicate", 3: "own-address", 4: "clone", 5: "no-common-key", 6: "certificate-mismatch",
    7: "protocol-version", 8: "protocol-error", 9: "timeout", 10: "configuration"}
CODES = {word: code for code, word in REASONS.items()}
HANDSHAKE_SECONDS, PING_SECONDS, SILENCE_SECONDS, CHALLENGE_SECONDS = 10, 5, 15, 3
ROLES = {True: b"D", False: b"A"}
LIVE, ANSWER, STREAM, STREAM_END = range(4)
KNOWS_AUDIT = 2


class Link:
    """One end of a link, on the member's event loop."""

    # The newest and the oldest version of the protocol that the hello names.
    version, oldest = 1, 1

    def __init__(self, member, connection, dialled, certificate_hash):
        self.member, self.connection = member, connection
        self.dialled, self.certificate_hash = dialled, certificate_hash
        self.phase = "greeting"
        # The messages received; and how the link ended: the close reason, the detail and who said bye.
        self.received, self.end = [], None
        self.peer, self.transcript, self.proven = None, None, set()
        self.challenges, self.unanswered = 0, None
        # What may be sent and what may come, in bytes; and what was taken but not returned yet.
        self.credit, self.granted, self.owed = 0, member.window, 0
        # Encoded messages with their costs, in the order of their importance.
        self.waiting = {LIVE: deque(), ANSWER: deque(), STREAM: deque()}
        self.ping, self.pongs = None, 0
        self.rounds = Rounds(self)

    async def run(self):
        """Carries the link until it ends."""
        ticker = asyncio.create_task(self._tick())
        self.hello = self.send(
            "hello", version=self.version, oldest=self.oldest, nonce=secrets.token_bytes(32), origin=self.member.origin,
            wall_time=wall_time(), credit=self.member.window, flags=KNOWS_AUDIT, server_id=self.member.server_id.encode(),
            software=b"python")
        try:
            while self.phase != "closing" and (data := await self.connection.receive()) is not None:
                self._take(data)
                self.member.changed()
        except ProtocolError as error:
            self.close("protocol-error", str(error))
        except (OSError, EOFError):
            pass
        finally:
            ticker.cancel()
            self.phase = "closing"
            self.end = self.end or ("lost", "", "nobody")
            await self.connection.closed()
            self.member.changed()

    @property
    def carries_audit(self):
        """Whether audit entries go over the link; all keys here are those of full members (3.3)."""
        return bool(self.peer.flags & KNOWS_AUDIT)

    def send(self, message, **values):
        """Sends a message at once and returns it as sent."""
        data = encode(message, **values)
        self.send_encoded(data)
        return data

    def send_encoded(self, data):
        if self.phase != "closing":
            self.rounds.count(data)
            self.connection.send(data)

    def close(self, reason, detail=""):
        if self.phase != "closing":
            self.send("bye", reason=CODES[reason], detail=detail.encode())
            self.phase, self.end = "closing", (reason, detail, "self")
            self.connection.close()

    async def _tick(self):
        """Sends pings, and ends the link when the peer says nothing."""
        await asyncio.sleep(HANDSHAKE_SECONDS)
        if self.phase != "open":
            self.close("timeout")
        while self.phase == "open":
            if asyncio.get_running_loop().time() - self.heard > SILENCE_SECONDS:
                self.close("timeout")
            self.send_ping()
            await asyncio.sleep(PING_SECONDS)

    def send_ping(self):
        self.ping = secrets.randbits(64)
        self.send("ping", token=self.ping)

    def _take(self, data):
        message = decode(data)
        if message is None:
            return
        if message.name in ("hello", "proof"):
            allowed = message.name == "proof" and message.challenge != 0 or self.phase == {
                "hello": "greeting", "proof": "proving"}[message.name]
        else:
            allowed = message.name == "bye" or self.phase == "open"
        if not allowed:
            raise ProtocolError(f"{message.name} is not allowed in the phase {self.phase}")
        self.heard = asyncio.get_running_loop().time()
        self.received.append(message)
        self.rounds.count(data)
        for part in (self, self.rounds):
            if handler := getattr(part, "on_" + message.name, None):
                handler(message)

    # Handshake and proofs.

    def on_hello(self, message):
        if message.version < 1 or message.oldest > 1:
            return self.close("protocol-version")
        self.peer = message
        self.credit = message.credit
        hellos = (self.hello, message.data) if self.dialled else (message.data, self.hello)
        self.transcript = transcript(*hellos, self.certificate_hash)
        self.phase = "proving"
        self._prove(0, b"")

    def _prove(self, number, nonce):
        codes = [
            {"key_id": key.id, "code": key.proof_code(ROLES[self.dialled], self.transcript, number, nonce)}
            for key in self.member.keys]
        self.send("proof", challenge=number, codes=codes)

    def on_proof(self, message):
        if message.challenge == 0:
            self.proven, common = self._verified(message, b"")
            if not self.proven:
                return self.close("certificate-mismatch" if common else "no-common-key")
            if self.peer.server_id == self.member.server_id.encode():
                return self.close("own-address" if self.peer.origin == self.member.origin else "clone")
            self.phase = "open"
            self.send_ping()
            if self.dialled and self.member.begins_rounds:
                self.rounds.begin()
        elif self.unanswered and message.challenge == self.unanswered[0]:
            self.proven, _ = self._verified(message, self.unanswered[1])
            self.unanswered = None
            if not self.proven:
                self.close("no-common-key")

    def _verified(self, message, nonce):
        """The ids of the keys that are proven, and of all that both ends have."""
        own = {key.id: key for key in self.member.keys}
        proofs = [proof for proof in message.codes if proof.key_id in own]
        codes = {key_id: key.proof_code(ROLES[not self.dialled], self.transcript, message.challenge, nonce)
                 for key_id, key in own.items()}
        right = {proof.key_id for proof in proofs if hmac.compare_digest(proof.code, codes[proof.key_id])}
        return right, {proof.key_id for proof in proofs}

    def keys_changed(self):
        """Removes what is not proven any more and asks for a new proof (5.5)."""
        if self.phase == "open":
            self.proven &= {key.id for key in self.member.keys}
            self._challenge()

    def _challenge(self):
        self.challenges += 1
        nonce = secrets.token_bytes(32)
        self.unanswered = self.challenges, nonce
        keys = [{"key_id": key.id} for key in self.member.keys]
        self.send("challenge", number=self.challenges, nonce=nonce, keys=keys)
        asyncio.get_running_loop().call_later(CHALLENGE_SECONDS, self._unanswered, self.unanswered)

    def _unanswered(self, challenge):
        if self.unanswered == challenge and not self.proven:
            self.close("no-common-key")

    def on_challenge(self, message):
        if message.number == 0:
            raise ProtocolError("a challenge with the number 0")
        self._prove(message.number, message.nonce)
        listed = {key.key_id for key in message.keys}
        self.proven &= listed
        provable = listed & {key.id for key in self.member.keys}
        if not self.unanswered and (not self.proven or provable - self.proven):
            self._challenge()

    def on_bye(self, message):
        self.phase = "closing"
        self.end = REASONS.get(message.reason, "protocol-error"), message.detail.decode(), "peer"

    # Pings.

    def on_ping(self, message):
        self.send("pong", token=message.token, wall_time=wall_time())

    def on_pong(self, message):
        self.pongs += message.token == self.ping

    # Entries and credit.

    def send_entries(self, queue, purpose, number, entries, position=b""):
        """Sends entries when there is credit for them, and none that the link does not carry."""
        entries = [entry for entry in entries if self.carries_audit or not entry.is_audit]
        encoded = b"".join(entry.encoded for entry in entries)
        message = encode("entries", purpose=purpose, round=number, position=position, entries=encoded)
        self.send_later(queue, message, len(encoded))

    def send_later(self, queue, message, cost):
        self.waiting[queue].append((message, cost))
        self._send_waiting()

    def _send_waiting(self):
        for queue in self.waiting.values():
            while queue and (self.credit > 0 or queue[0][1] == 0):
                message, cost = queue.popleft()
                self.credit -= cost
                self.send_encoded(message)
        self.rounds.sent()

    def on_entries(self, message):
        if message.purpose > STREAM_END:
            raise ProtocolError("a purpose of entries is unknown")
        if message.entries and self.granted <= 0:
            raise ProtocolError("entries came without credit")
        entries = read_entries(message.entries)
        # A member that was of this version once has some that it may not pass on any more.
        assert self.carries_audit or not any(entry.is_audit for entry in entries), entries
        for entry in entries:
            self.member.merge(entry, self)
        self.took(len(message.entries))

    def on_symbols(self, message):
        self.took(16 * len(message.symbols))

    def took(self, cost):
        """Returns credit when an eighth of the window is owed."""
        self.granted -= cost
        self.owed += cost
        if self.owed >= self.member.window // 8:
            self.send("credit", bytes=self.owed)
            self.granted, self.owed = self.granted + self.owed, 0

    def on_credit(self, message):
        self.credit = min(self.credit + message.bytes, self.peer.credit)
        self._send_waiting()
