# A member of a later version: its messages have further fields, flags and kinds (docs/protocol.md, sections 6 and 11).
from second_implementation.link import Link
from second_implementation.member import Member
from second_implementation.messages import encode

MORE_FIELDS = b"a field of a later version"
MORE_FLAGS = 0xFE
UNKNOWN_MESSAGES = [bytes([128]), b"\xc8with some content", b"\xff" + bytes(1000)]


class LaterLink(Link):
    version = 2
    # How many messages of unknown kinds it has sent.
    unknown_count = 0

    def send(self, message, **values):
        if "flags" in values:
            values["flags"] |= MORE_FLAGS
        data = encode(message, **values) + MORE_FIELDS
        if self.phase == "open":
            for unknown in UNKNOWN_MESSAGES:
                self.send_encoded(unknown)
                self.unknown_count += 1
        self.send_encoded(data)
        return data


class LaterMember(Member):
    link_class = LaterLink
