# HTTP/1.1 read to the letter: requests as one hop sends them to the next, and the answers that come back.
import re
from typing import NamedTuple

# What is strict: a token, visible text, and the one version that members speak.
NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
START = re.compile(rb"([A-Z]+) (\S+) HTTP/1\.1")
# And what a lenient reader takes.
ANY_NAME, ANY_VALUE = re.compile(rb"[^:]+"), re.compile(rb"[^\n]*")
ANY_START = re.compile(rb"(\S+) +(\S+) +HTTP/\d\.\d\s*")
STATUS = re.compile(rb"HTTP/1\.1 (\d{3})(?: .*)?")


class Unreadable(Exception):
    """Bytes that are no message."""


class Asked(NamedTuple):
    """A request on the wire. Names are in lower case."""

    method: str
    target: str
    fields: list
    body: bytes

    def values(self, name):
        return [value for each, value in self.fields if each == name]


def read_requests(data, is_strict=True):
    """Yields the requests of a connection up to one that asks for another protocol."""
    while data:
        line, fields, rest = _head(data, is_strict)
        start = (START if is_strict else ANY_START).fullmatch(line)
        if not start:
            raise Unreadable(line)
        body, data = _body(fields, rest, is_strict)
        request = Asked(start[1].decode("latin-1"), start[2].decode("latin-1"), fields, body)
        yield request
        if request.values("upgrade"):
            return


def read_answers(data, methods=()):
    """The status of each final answer, given the methods of the first requests; HEAD's has no body."""
    statuses = []
    while data:
        line, fields, rest = _head(data)
        status = STATUS.fullmatch(line)
        if not status:
            raise Unreadable(line)
        code = int(status[1])
        if code == 101:
            return [*statuses, code]
        method = methods[len(statuses)] if len(statuses) < len(methods) else ""
        if code < 200:
            data = rest
            continue
        is_bodiless = code in (204, 304) or method == "HEAD"
        data = rest if is_bodiless else _body(fields, rest)[1]
        statuses.append(code)
    return statuses


def _head(data, is_strict=True):
    """The first line, the fields, and what follows them."""
    head, end, rest = data.partition(b"\r\n\r\n")
    if not end:
        raise Unreadable(data[:200])
    line, *lines = head.split(b"\r\n")
    fields = []
    for each in lines:
        name, colon, value = each.partition(b":")
        kinds = (NAME, VALUE) if is_strict else (ANY_NAME, ANY_VALUE)
        if not (colon and kinds[0].fullmatch(name) and kinds[1].fullmatch(value)):
            raise Unreadable(each)
        fields.append((name.decode("latin-1").lower(), value.strip(b" \t").decode("latin-1")))
    return line, fields, rest


def _body(fields, data, is_strict=True):
    lengths = [value for name, value in fields if name == "content-length"]
    codings = [value for name, value in fields if name == "transfer-encoding"]
    if codings == ["chunked"] and (not lengths or not is_strict):
        return _chunks(data, is_strict)
    if codings or len(lengths) > 1 or not all(length.isdecimal() for length in lengths):
        raise Unreadable(fields)
    size = int(lengths[0]) if lengths else 0
    if len(data) < size:
        raise Unreadable(data[:200])
    return data[:size], data[size:]


def _chunks(data, is_strict):
    body = b""
    while True:
        size, end, data = data.partition(b"\r\n")
        if not end or not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", size):
            raise Unreadable(size)
        count = int(size, 16)
        if not count and not is_strict and not data.startswith(b"\r\n"):
            # Trailers.
            return body, data.partition(b"\r\n\r\n")[2]
        if data[count:count + 2] != b"\r\n":
            raise Unreadable(data[:200])
        body, data = body + data[:count], data[count + 2:]
        if not count:
            return body, data
