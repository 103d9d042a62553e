# The messages in their encoded form, as tables like those of docs/protocol.md, section 6.
from types import SimpleNamespace

from second_implementation.entries import ProtocolError

NUMBERS = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "u128": 16}

# A field is a name and a type. A type is that of a number; "short"; "varint"; "rest"; a number of bytes; "later u8", which
# earlier versions end before and then stands for 0; or, for a list, the type of its count, the greatest count and the
# fields of each element.
TABLE = {
    1: ("hello", [
        ("version", "u16"), ("oldest", "u16"), ("nonce", 32), ("origin", "u64"), ("wall_time", "u64"),
        ("credit", "u32"), ("flags", "u8"), ("server_id", "short"), ("software", "short")]),
    2: ("proof", [("challenge", "u32"), ("codes", ("u8", 8, [("key_id", 8), ("code", 32)]))]),
    3: ("challenge", [("number", "u32"), ("nonce", 32), ("keys", ("u8", 8, [("key_id", 8)]))]),
    4: ("summary", [("round", "u32"), ("entries", "u64"), ("fingerprint", "u128"), ("flags", "later u8")]),
    5: ("symbol_request", [("round", "u32"), ("start", "u32"), ("end", "u32"), ("flags", "u8")]),
    6: ("symbols", [
        ("round", "u32"), ("start", "u32"), ("entries", "u64"),
        ("symbols", ("u32", 8192, [("ids", "u64"), ("checks", "u32"), ("deviation", "varint")]))]),
    7: ("want", [("round", "u32"), ("items", ("u32", 65536, [("item_id", "u64")]))]),
    8: ("entries", [("purpose", "u8"), ("round", "u32"), ("position", "short"), ("entries", "rest")]),
    9: ("stream_request", [("round", "u32"), ("after", "short")]),
    10: ("stream_offer", [("round", "u32")]),
    11: ("round_end", [("round", "u32"), ("differences", "u32"), ("round_trips", "u8")]),
    12: ("nudge", []),
    13: ("refused", [
        ("entries", ("u16", 1024, [("key", "short"), ("digest", "u128"), ("reason", "u8"), ("lapses", "u64")]))]),
    14: ("credit", [("bytes", "u32")]),
    15: ("ping", [("token", "u64")]),
    16: ("pong", [("token", "u64"), ("wall_time", "u64")]),
    17: ("bye", [("reason", "u8"), ("detail", "short")]),
}
TYPES = {name: (number, fields) for number, (name, fields) in TABLE.items()}


def encode(message, **values):
    number, fields = TYPES[message]
    return bytes([number]) + _encode_fields(fields, values)


def _encode_fields(fields, values):
    assert len(fields) == len(values), (fields, values)
    return b"".join(_encode_value(kind, values[name]) for name, kind in fields)


def _encode_value(kind, value):
    if isinstance(kind, tuple):
        count, _, fields = kind
        return _encode_value(count, len(value)) + b"".join(_encode_fields(fields, element) for element in value)
    if kind in NUMBERS:
        return value.to_bytes(NUMBERS[kind], "big")
    if kind == "short":
        return len(value).to_bytes(2, "big") + value
    if kind == "later u8":
        return bytes([value])
    if kind == "varint":
        groups = []
        while value >= 0x80:
            groups.append(value & 0x7F | 0x80)
            value >>= 7
        return bytes([*groups, value])
    assert kind == "rest" or kind == len(value), kind
    return value


def decode(data):
    """The message with its name, or None if it is one to ignore. Bytes after the last field are ignored (6)."""
    if not data:
        raise ProtocolError("an empty message")
    if data[0] >= 128:
        return None
    if data[0] not in TABLE:
        raise ProtocolError(f"the message type {data[0]} is unknown")
    name, fields = TABLE[data[0]]
    return SimpleNamespace(name=name, data=data, **_Reader(data).fields(fields))


class _Reader:
    def __init__(self, data):
        self.data, self.offset = data, 1

    def take(self, count):
        end = self.offset + count
        if end > len(self.data):
            raise ProtocolError(f"a message of type {self.data[0]} is too short")
        taken, self.offset = self.data[self.offset:end], end
        return taken

    def number(self, kind):
        return int.from_bytes(self.take(NUMBERS[kind]), "big")

    def fields(self, fields):
        return {name: self.value(kind) for name, kind in fields}

    def value(self, kind):
        if isinstance(kind, tuple):
            return self.list(*kind)
        if kind in NUMBERS:
            return self.number(kind)
        if kind == "short":
            return self.take(self.number("u16"))
        if kind == "later u8":
            return self.number("u8") if self.offset < len(self.data) else 0
        if kind == "rest":
            return self.take(len(self.data) - self.offset)
        if kind == "varint":
            return self.varint()
        return self.take(kind)

    def list(self, count_kind, most, fields):
        count = self.number(count_kind)
        if count > most:
            raise ProtocolError(f"a list in a message of type {self.data[0]} is too long")
        return [SimpleNamespace(**self.fields(fields)) for _ in range(count)]

    def varint(self):
        value = 0
        for shift in range(0, 70, 7):
            [byte] = self.take(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise ProtocolError("a count deviation is longer than 10 bytes")
