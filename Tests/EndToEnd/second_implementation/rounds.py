# Rounds and streams, of the dialler and of the acceptor (docs/protocol.md, section 8).
import random
from collections import Counter

from second_implementation.entries import ProtocolError
from second_implementation.messages import TABLE, encode
from second_implementation.sketch import Difference, from_wire, sketch, to_wire

FIRST_SYMBOLS, FROZEN_SYMBOLS, MOST_SYMBOLS = 16, 1024, 1 << 18
STREAM_DIFFERENCE = 131_072
PART_BYTES = 1 << 18
ROUND_MESSAGES = {number for number, (_, fields) in TABLE.items() if ("round", "u32") in fields}


class Round:
    """One comparison of the two maps, as one end sees it."""

    def __init__(self, number, map, with_audit):
        self.number, self.map, self.with_audit = number, map, with_audit
        self.freeze(FROZEN_SYMBOLS)
        self.remote_entries = None
        self.symbols, self.asked, self.fresh = [], 0, False
        self.remote_only, self.local_only = [], []
        # The wants, or the stream offered, that the acceptor has not said to be done with.
        self.unanswered = 0
        self.exchanging = self.streamed = self.equal = self.over = False
        self.contradictions = self.round_trips = 0
        # By the names of the messages, in both directions.
        self.bytes = Counter()

    def freeze(self, symbol_count):
        """Takes a state of the map. The sketch of it is made when it is needed."""
        self.own, self.symbol_count, self._sketch = self.map.by_item_id(self.with_audit), symbol_count, None

    @property
    def sketch(self):
        if self._sketch is None:
            self._sketch = sketch(self.own, self.symbol_count)
        return self._sketch


class Rounds:
    """The rounds and streams of one link."""

    def __init__(self, link):
        self.link, self.map = link, link.member.map
        self.current, self.done, self.nudged = None, [], False
        self.next_number = random.getrandbits(16)
        # The round of the stream that is awaited.
        self.awaited = None

    def count(self, data):
        """Counts the bytes of the current round."""
        if self.current and data[0] in ROUND_MESSAGES:
            offset = 2 if TABLE[data[0]][0] == "entries" else 1
            if data[offset:offset + 4] == self.current.number.to_bytes(4, "big"):
                self.current.bytes[TABLE[data[0]][0]] += len(data)

    def begin(self):
        """Begins a round, as dialler."""
        self.next_number += 1
        self.current = Round(self.next_number, self.map, self.link.carries_audit)
        self._send_summary()
        return self.current

    def _send_summary(self):
        self.current.fingerprint = sum(e.digest for e in self.current.own.values()) % (1 << 128)
        self.link.send(
            "summary", round=self.current.number, entries=len(self.current.own), fingerprint=self.current.fingerprint,
            flags=int(self.current.with_audit))

    def _has(self, number):
        return self.current is not None and self.current.number == number

    def _finish(self):
        current, self.current = self.current, None
        current.over = True
        self.done.append(current)
        return current

    def on_summary(self, message):
        if not self.link.dialled:
            counted = bool(message.flags & 1)
            self.current = Round(message.round, self.map, counted and self.link.carries_audit)
            self.current.bytes["summary"] = len(message.data)
            self._send_summary()
            if counted != self.current.with_audit:
                self.current = None
                return
        elif not self._has(message.round) or self.current.remote_entries is not None:
            return
        elif self.current.with_audit and not message.flags & 1:
            # The acceptor counts no audit entries: anew without them (8.1).
            self.next_number += 1
            self.current.number, self.current.with_audit = self.next_number, False
            self.current.freeze(FROZEN_SYMBOLS)
            return self._send_summary()
        current, own = self.current, len(self.current.own)
        current.remote_entries = message.entries
        current.round_trips += 1
        if (message.entries, message.fingerprint) == (own, current.fingerprint):
            current.equal = True
            self._finish()
            self._go_on(current)
        elif 0 in (own, message.entries) or abs(own - message.entries) > STREAM_DIFFERENCE:
            if self.link.dialled:
                self._start_stream()
        elif self.link.dialled:
            current.asked = FIRST_SYMBOLS
        else:
            self._send_symbols(0, FIRST_SYMBOLS)

    # The dialler.

    def on_symbols(self, message):
        current = self.current
        if not self.link.dialled or not self._has(message.round) or current.exchanging:
            return
        if message.start != len(current.symbols) or message.start + len(message.symbols) > current.asked:
            raise ProtocolError("symbols that were not asked for")
        current.remote_entries = message.entries
        current.symbols += from_wire(message.symbols, message.start, message.entries)
        if len(current.symbols) < current.asked:
            return
        difference = Difference(current.symbols, current.sketch)
        if difference.complete:
            current.contradictions = 0
            self._exchange(difference) if difference.found else self._start_stream()
        elif difference.contradicts:
            current.contradictions += 1
            end = max(len(current.symbols), FROZEN_SYMBOLS) if current.contradictions == 1 else None
            self._ask(end, fresh=True)
        else:
            self._ask(difference.next_end(len(current.own), current.remote_entries))

    def _ask(self, end, fresh=False):
        current = self.current
        if end is None or end > MOST_SYMBOLS:
            return self._start_stream()
        if fresh or current.fresh or end > FROZEN_SYMBOLS:
            current.freeze(end)
            current.fresh, current.symbols = True, []
        start, current.asked = len(current.symbols), end
        current.round_trips += 1
        self.link.send("symbol_request", round=current.number, start=start, end=end, flags=int(current.fresh))

    def _exchange(self, difference):
        current = self.current
        current.exchanging = True
        current.remote_only, current.local_only = difference.remote_only, difference.local_only
        current.round_trips += bool(current.remote_only)
        for start in range(0, len(current.remote_only), 65536):
            current.unanswered += 1
            items = [{"item_id": item} for item in current.remote_only[start:start + 65536]]
            self.link.send("want", round=current.number, items=items)
        entries = [current.own[item] for item in current.local_only if item in current.own]
        self._send_answers(current.number, entries)

    def _send_answers(self, number, entries):
        for part in _parts(entries):
            self.link.send_entries(1, 1, number, part)
        self.sent()

    def sent(self):
        """Ends the dialler's round if nothing is missing any more; called when something was sent."""
        current = self.current
        if self.link.dialled and current and current.exchanging and not current.unanswered and not self.link.waiting[1]:
            self._end(current, len(current.remote_only) + len(current.local_only))

    def _end(self, current, differences):
        self.link.send(
            "round_end", round=current.number, differences=differences, round_trips=min(current.round_trips, 255))
        self._finish()
        self._go_on(current)

    def _go_on(self, current):
        """Begins the next round after a stream, unless that was the second one in a row, or after a nudge."""
        before = self.done[-2] if len(self.done) > 1 else None
        after_stream = current.streamed and not (before and before.streamed)
        if self.link.dialled and (after_stream or self.nudged):
            self.nudged = False
            self.begin()

    def on_nudge(self, message):
        if self.link.dialled and self.current:
            self.nudged = True
        elif self.link.dialled:
            self.begin()

    def on_round_end(self, message):
        if self.link.dialled and self._has(message.round) and self.current.unanswered:
            self.current.unanswered -= 1
            if self.current.streamed:
                self._end(self.current, 0)
            else:
                self.sent()
        elif not self.link.dialled and self._has(message.round):
            self._finish()

    # The acceptor.

    def _send_symbols(self, start, end):
        current = self.current
        for first in range(start, end, 8192):
            part = current.sketch[first:min(first + 8192, end)]
            self.link.credit -= 16 * len(part)
            self.link.send(
                "symbols", round=current.number, start=first, entries=len(current.own),
                symbols=to_wire(part, first, len(current.own)))

    def on_symbol_request(self, message):
        if self.link.dialled or not self._has(message.round):
            return
        if message.start > message.end or message.end > MOST_SYMBOLS:
            raise ProtocolError("a symbol request that is out of limits")
        if message.flags & 1:
            self.current.freeze(message.end)
        if message.end > self.current.symbol_count:
            raise ProtocolError("a request for symbols that were not made")
        self.current.round_trips += 1
        self._send_symbols(message.start, message.end)

    def on_want(self, message):
        if not self.link.dialled and self._has(message.round):
            present = self.map.by_item_id()
            entries = [present[item.item_id] for item in message.items if item.item_id in present]
            self.current.local_only += [entry.item_id for entry in entries]
            self._send_answers(message.round, entries)
            self.link.send_later(1, encode("round_end", round=message.round, differences=0, round_trips=0), 0)

    # Streams.

    def _start_stream(self):
        current = self.current
        current.exchanging = current.streamed = True
        if len(current.own) <= current.remote_entries:
            current.unanswered = 0
            self._request_stream(current.number)
        else:
            current.unanswered = 1
            self.link.send("stream_offer", round=current.number)

    def on_stream_offer(self, message):
        if not self.link.dialled:
            if self._has(message.round):
                self.current.streamed = True
            self._request_stream(message.round)

    def _request_stream(self, number):
        self.awaited = number
        after = self.link.member.positions.get(self.link.peer.server_id, b"")
        self.link.send("stream_request", round=number, after=after)

    def on_stream_request(self, message):
        self.link.waiting[2].clear()
        entries = sorted(self.map.entries.values(), key=lambda entry: entry.key)
        *parts, last = [*_parts([entry for entry in entries if entry.key > message.after])] or [[]]
        for part in parts:
            self.link.send_entries(2, 2, message.round, part, part[-1].key)
        self.link.send_entries(2, 3, message.round, last)

    def on_entries(self, message):
        """Follows the stream; the entries themselves are merged already."""
        if message.purpose not in (2, 3) or message.round != self.awaited:
            return
        if message.purpose == 2:
            self.link.member.positions[self.link.peer.server_id] = message.position
            return
        self.link.member.positions.pop(self.link.peer.server_id, None)
        self.awaited = None
        if not self.link.dialled:
            self.link.send("round_end", round=message.round, differences=0, round_trips=0)
        elif self._has(message.round):
            self._end(self.current, 0)


def _parts(entries):
    """The entries in parts of the size that a message should have."""
    part, size = [], 0
    for entry in entries:
        if part and size + len(entry.encoded) > PART_BYTES:
            yield part
            part, size = [], 0
        part.append(entry)
        size += len(entry.encoded)
    if part:
        yield part
