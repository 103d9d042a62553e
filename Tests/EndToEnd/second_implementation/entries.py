# The replicated map: entries, digests and merging (docs/protocol.md, section 2).
import hashlib
import struct
import time
from dataclasses import dataclass
from functools import cached_property

HEADER = struct.Struct(">HIBQQQ")
LONGEST_KEY, LONGEST_VALUE = 480, 1 << 20
VALUE, TOMBSTONE = 0, 1
LEASE_PREFIXES = (b"server/", b"login/", b"session/", b"reservation/")
AUDIT_PREFIX = b"audit/"
LEASE_TOMBSTONE_MILLISECONDS = 240_000
AUDIT_MILLISECONDS = 400 * 86_400_000
AUDIT_TOMBSTONE_MILLISECONDS = AUDIT_MILLISECONDS + 120_000


class ProtocolError(Exception):
    """The peer broke the protocol, so the link ends."""


def wall_time():
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Entry:
    """What is known of one key."""

    key: bytes
    value: bytes
    kind: int
    clock: int
    origin: int
    expiry: int

    @cached_property
    def encoded(self):
        fields = len(self.key), len(self.value), self.kind, self.clock, self.origin, self.expiry
        return HEADER.pack(*fields) + self.key + self.value

    @cached_property
    def digest(self):
        return int.from_bytes(hashlib.blake2b(self.encoded, digest_size=16).digest(), "big")

    @property
    def item_id(self):
        return self.digest >> 64

    @property
    def is_audit(self):
        return self.key.startswith(AUDIT_PREFIX)

    @property
    def rank(self):
        return self.clock, self.origin, self.digest


def read_entries(data):
    """The entries of a message, one after the other (6.8)."""
    entries, offset = [], 0
    while offset < len(data):
        if len(data) - offset < HEADER.size:
            raise ProtocolError("the header of an entry is cut off")
        key_length, value_length, *fields = HEADER.unpack_from(data, offset)
        key_end = offset + HEADER.size + key_length
        end = key_end + value_length
        if not 0 < key_length <= LONGEST_KEY or value_length > LONGEST_VALUE or end > len(data):
            raise ProtocolError("a length in an entry is wrong")
        entries.append(Entry(data[offset + HEADER.size:key_end], data[key_end:end], *fields))
        offset = end
    return entries


class Map:
    """The entries by their keys. An entry is never changed, so a copy of the dictionary is a committed state."""

    def __init__(self):
        self.entries = {}

    def write(self, origin, key, value=b"", kind=VALUE, lease_milliseconds=0):
        """Writes an entry and returns it (2.3, 2.6)."""
        clock = wall_time() << 16
        stored = self.entries.get(key)
        if stored and stored.clock >= clock:
            clock = stored.clock + 1
        expiry = 0
        if key.startswith(LEASE_PREFIXES):
            expiry = (clock >> 16) + (LEASE_TOMBSTONE_MILLISECONDS if kind == TOMBSTONE else lease_milliseconds)
        elif key.startswith(AUDIT_PREFIX):
            expiry = (clock >> 16) + (AUDIT_TOMBSTONE_MILLISECONDS if kind == TOMBSTONE else AUDIT_MILLISECONDS)
        self.entries[key] = Entry(key, value, kind, clock, origin, expiry)
        return self.entries[key]

    def merge(self, entry):
        """Takes the entry if it is greater than the stored one, and tells whether it was (2.5)."""
        stored = self.entries.get(entry.key)
        if stored and stored.rank >= entry.rank:
            return False
        self.entries[entry.key] = entry
        return True

    def value(self, key):
        entry = self.entries.get(key)
        return entry.value if entry and entry.kind != TOMBSTONE else None

    def by_item_id(self, with_audit=True):
        return {entry.item_id: entry for entry in self.entries.values() if with_audit or not entry.is_audit}
