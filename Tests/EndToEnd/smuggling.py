# Requests on which two readers could disagree, byte for byte, and what each means if it means anything (RFC 9112).
import string
from enum import Enum
from typing import NamedTuple

# A secret of nobody: a value with it stands where it must not get to the next hop.
FORGED = "forged"
# Bytes that may stand in a method or in the name of a field.
TOKEN = set(string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~")
# One of each kind of bytes that are no letters or digits, with all that are special to somebody.
SPECIAL = [chr(code) for code in range(128) if not chr(code).isalnum()] + list("\x80\x85\xa0\xad\xc2\xff")


class Then(Enum):
    """What comes after the requests that an input means."""

    OPEN = "the next request is served"
    END = "the connection is closed, as the input asks"
    FAULT = "the answer is 400, and the connection is closed"
    ANY = "either of these, and the requests may be refused as well"
    CUT = "the client ends the connection amid a request"


class Request(NamedTuple):
    method: str
    target: str
    body: bytes = b""


class Case(NamedTuple):
    name: str
    data: bytes
    meaning: tuple
    then: Then


def text(*lines):
    """Lines of a head, as bytes."""
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")


class Corpus:
    """Inputs below one path, each with a target of its own."""

    def __init__(self, path):
        self.path = path
        self.cases = []
        for make in (
                self.both_lengths, self.codings, self.lengths, self.line_ends, self.folds, self.names, self.values,
                self.target_bytes, self.method_bytes, self.host_bytes, self.versions, self.start_lines, self.methods,
                self.paths, self.targets, self.hosts, self.connection_lists, self.connection_ends, self.forged,
                self.chunk_sizes, self.chunk_ends, self.trailers, self.pipelines, self.hidden_requests,
                self.expectations, self.upgrades, self.sizes, self.cuts):
            before = len(self.cases)
            make()
            assert len(self.cases) > before, make

    @property
    def target(self):
        return f"{self.path}/{len(self.cases)}"

    @property
    def smuggled(self):
        """A request that must never be served: it is within another one, or behind one that is refused."""
        return text(f"GET {self.path}/smuggled HTTP/1.1", "Host: x", "")

    def add(self, name, data, *meaning, then=Then.OPEN):
        self.cases.append(Case(f"{len(self.cases)}: {name}", data, meaning, then))

    def ask(self, name, *fields, method="GET", target=None, version="HTTP/1.1", host="Host: x", sent=b"", body=None,
            then=Then.OPEN):
        """One request of which all but what is given is right. `sent` is what follows its head, and means `body`."""
        target = target or self.target
        lines = [f"{method} {target} {version}", *([host] if host else []), *fields, ""]
        request = Request(method, target, sent if body is None else body)
        self.add(name, text(*lines) + sent, *([] if then is Then.FAULT else [request]), then=then)

    def post(self, name, *fields, sent=b"abc", body=b"abc", **options):
        self.ask(name, *fields, method=options.pop("method", "POST"), sent=sent, body=body, **options)

    # Where a body ends.

    BAD_CODINGS = (
        "xchunked", "chunkedx", "chunked-", "chunke", "chunked, identity", "identity, chunked", "gzip, chunked",
        "chunked, gzip", "chunked, chunked", ",chunked", ", chunked", "chunked,", "chunked;q=1", "chunked; x=y",
        '"chunked"', "'chunked'", "chunked\x00", "\x00chunked", "\x0bchunked", "chunked\x0b", "\x0cchunked",
        "chunked\x0c", "\x1fchunked", "chunked\x7f", "\xa0chunked", "chunked\xa0", "\xc2\xa0chunked", "chu nked",
        "chu\tnked", "ch\xfcnked", "identity", "", " ", "deflate", "trailers", "chunked identity", "x",
        "CHUNKED,CHUNKED", "\rchunked", "\nchunked", "chunked\r", "\r\n chunked", "\r\n\tchunked", "chu\r\n nked")

    def both_lengths(self):
        codings = ("Transfer-Encoding: chunked", "transfer-encoding: CHUNKED", "Transfer-Encoding:chunked",
                   "Transfer-Encoding:\tchunked", "Transfer-Encoding : chunked", "Transfer-Encoding: chunked, identity",
                   "Transfer-Encoding: identity", "Transfer-Encoding: xchunked", "Transfer-Encoding:\x0bchunked",
                   "Transfer-Encoding: chunked\r\nTransfer-Encoding: x")
        body = b"0\r\n\r\n" + self.smuggled
        for coding in codings:
            for length in (0, 4, 5, len(body), 1000):
                for fields in ((f"Content-Length: {length}", coding), (coding, f"Content-Length: {length}")):
                    self.post(f"both lengths {fields!r}", *fields, sent=body, then=Then.FAULT)

    def codings(self):
        chunked = b"3\r\nabc\r\n0\r\n\r\n"
        for field in ("Transfer-Encoding: chunked", "transfer-encoding: chunked", "TRANSFER-ENCODING: CHUNKED",
                      "Transfer-Encoding:chunked", "Transfer-Encoding:\tchunked", "Transfer-Encoding: \t chunked"):
            for method in ("POST", "PATCH", "DELETE", "GET"):
                self.post(f"{method} {field!r}", field, method=method, sent=chunked)
            self.post(f"in HTTP/1.0 {field!r}", field, version="HTTP/1.0", sent=chunked, then=Then.FAULT)
        for field in ("Transfer-Encoding: chunked ", "Transfer-Encoding: chunked\t"):
            self.post(f"{field!r}", field, sent=chunked, then=Then.ANY)
        for value in self.BAD_CODINGS:
            for method in ("POST", "GET"):
                self.post(f"{method} coding {value!r}", f"Transfer-Encoding: {value}", method=method,
                          sent=chunked + self.smuggled, then=Then.FAULT)
        for second in ("chunked", "identity", "x", ""):
            for fields in (("Transfer-Encoding: chunked", f"Transfer-Encoding: {second}"),
                           (f"transfer-encoding: {second}", "Transfer-Encoding: chunked")):
                self.post(f"two codings {fields!r}", *fields, sent=chunked + self.smuggled, then=Then.FAULT)
        for name in ("Transfer_Encoding", "Transfer-Encoding2", "X-Transfer-Encoding", "Content-Transfer-Encoding",
                     "TransferEncoding"):
            request = Request("POST", self.target)
            data = text(f"POST {self.target} HTTP/1.1", "Host: x", f"{name}: chunked", "") + chunked
            self.add(f"no coding: {name}", data, request, then=Then.FAULT)

    def lengths(self):
        for value in ("3", "  3", "\t3"):
            self.post(f"length {value!r}", f"Content-Length:{value}")
        for value in ("3 ", "3\t", "03", "0000000000000000000003"):
            self.post(f"length {value!r}", f"Content-Length: {value}", then=Then.ANY)
        for value in ("+3", "-3", "-0", "0x3", "0b11", "3.0", "3e0", "", "abc", "3a", "a3", "3,4", "3, 4", "3;x", "3 3",
                      "\x0b3", "3\x0b", "3\x0c", "3\x00", "\x003", "3\xa0", "\xa03", "\xc2\xb3", "\xef\xbc\x93", "\xb2",
                      "1_0", "'3'", '"3"', "NaN", "18446744073709551616", "18446744073709551619",
                      "99999999999999999999999999", "3\r", "\r3", "\r\n 3"):
            self.post(f"length {value!r}", f"Content-Length: {value}", sent=b"abc" + self.smuggled, then=Then.FAULT)
        for values in (("3", "4"), ("4", "3"), ("3", "0"), ("0", "3"), ("3", "+3"), ("3", "03 4"), ("3", ""),
                       ("3", "3", "4")):
            fields = [f"Content-Length: {value}" for value in values]
            self.post(f"lengths {values!r}", *fields, sent=b"abc" + self.smuggled, then=Then.FAULT)
            fields[-1] = fields[-1].lower()
            self.post(f"lengths {fields!r}", *fields, sent=b"abc" + self.smuggled, then=Then.FAULT)
        for fields in (("Content-Length: 3", "Content-Length: 3"), ("Content-Length: 3", "content-length:3"),
                       ("Content-Length: 3, 3",), ("Content-Length: 3,3,3",)):
            self.post(f"the same length twice {fields!r}", *fields, then=Then.ANY)
        for name in ("Content_Length", "Content-Length2", "X-Content-Length", "ContentLength"):
            request = Request("POST", self.target)
            self.add(f"no length: {name}", text(f"POST {self.target} HTTP/1.1", "Host: x", f"{name}: 3", "") + b"abc",
                     request, then=Then.FAULT)
        for method in ("GET", "HEAD", "DELETE", "OPTIONS", "PUT", "PATCH"):
            self.post(f"{method} with a body", "Content-Length: 3", method=method)
        for method in ("TRACE", "PROPFIND", "LOCK", "SEARCH", "M-SEARCH", "LINK", "SOURCE", "QUERY", "FOO"):
            self.post(f"{method} with a body", "Content-Length: 3", method=method, then=Then.FAULT)
            self.post(f"{method} with a chunked body", "Transfer-Encoding: chunked", method=method,
                      sent=b"3\r\nabc\r\n0\r\n\r\n", then=Then.FAULT)

    # Lines.

    def line_ends(self):
        for kind, body in (("GET", b""), ("POST", b"abc"), ("PUT", b"3\r\nabc\r\n0\r\n\r\n")):
            length = {"GET": "A: b", "POST": "Content-Length: 3", "PUT": "Transfer-Encoding: chunked"}[kind]
            for line in range(5):
                for end in ("\n", "\r", "\n\r", "\r\r\n", "\x00\r\n", "\x0b\r\n", "\x0c\r\n"):
                    lines = [f"{kind} {self.target} HTTP/1.1", "Host: x", length, "Cookie: c=d", ""]
                    data = "".join(
                        each + (end if number == line else "\r\n") for number, each in enumerate(lines))
                    self.add(f"{kind} whose line {line} ends with {end!r}", data.encode("latin-1") + body,
                             then=Then.FAULT)

    def folds(self):
        for field in ("Host: x", "A: b", "Cookie: c=d", "Content-Length: 0", "Connection: close",
                      "X-Forwarded-For: 1.1.1.1"):
            host = None if field.startswith("Host") else "Host: x"
            for more in (" c", "\tc", " ", "\t", " \t c", " Content-Length: 3", "\tTransfer-Encoding: chunked"):
                self.ask(f"{field!r} folded by {more!r}", field, more, host=host, then=Then.FAULT)
        for first in (" A: b", "\tA: b", " ", " Content-Length: 3"):
            self.ask(f"{first!r} before all fields", "B: c", host=f"{first}\r\nHost: x", then=Then.FAULT)

    def names(self):
        for byte in SPECIAL:
            then = Then.OPEN if byte in TOKEN or byte == ":" else Then.FAULT
            self.ask(f"{byte!r} in a name", f"X{byte}Y: v", then=then)
        for byte in " \t\x00\x0b\r\xa0":
            self.post(f"{byte!r} before the colon", f"Content-Length{byte}: 3", then=Then.FAULT)
            self.post(f"{byte!r} before the name", f"{byte}Content-Length: 3", then=Then.FAULT)
        for line in (": v", ":", "::", "no colon", "v", "=", "GET / HTTP/1.1", "\x00"):
            self.ask(f"a field {line!r}", line, then=Then.FAULT)
        for line in ("A:", "A: ", "A:b", "A:\tb", "A: b ", "A: b\t ", "a: 1\r\nA: 2"):
            self.ask(f"a field {line!r}", line)

    def values(self):
        for byte in SPECIAL:
            is_good = byte == "\t" or (byte >= " " and byte != "\x7f")
            for name in ("X", "Cookie"):
                self.ask(f"{byte!r} in {name}", f"{name}: a{byte}b", then=Then.OPEN if is_good else Then.FAULT)
        for value in ("a\r\nX-Next: b", "a\r\n\r\n", "a\nX-Next: b", "a\r\n\r\nGET /smuggled HTTP/1.1"):
            escaped = value.replace("\r", "%0d").replace("\n", "%0a")
            self.ask(f"escaped {value!r}", f"X: {escaped}")

    def target_bytes(self):
        for byte in SPECIAL:
            then = Then.OPEN if "!" <= byte <= "~" and byte != "#" else Then.FAULT
            if byte in '"<>\\^`{|}[]':
                # No characters of a path, though browsers send some of them.
                then = Then.ANY
            self.ask(f"{byte!r} in a target", target=f"{self.target}{byte}z", then=then)

    def method_bytes(self):
        for byte in SPECIAL:
            self.ask(f"{byte!r} in a method", method=f"G{byte}T", then=Then.FAULT)

    def host_bytes(self):
        for byte in SPECIAL:
            is_bad = not "!" <= byte <= "~" or byte in '"#/<>?@\\^`{|}'
            then = Then.FAULT if is_bad else Then.ANY
            self.ask(f"{byte!r} in Host", host=f"Host: a{byte}b", then=then)

    def versions(self):
        for version in ("HTTP/0.9", "HTTP/1.2", "HTTP/1.10", "HTTP/01.1", "HTTP/1.01", "http/1.1", "Http/1.1",
                        "HTTP/2.0", "HTTP/2", "HTTP/3.0", "HTTP/1", "HTTP/1.", "HTTP/.1", "HTTP/-1.1", "HTTP/+1.1",
                        "HTTP/1.1x", "HTTP/1.1 x", "HTTP/1,1", "HTTP/1 .1", "HTTP /1.1", "HTTP/ 1.1", "HTTPS/1.1",
                        "HTP/1.1", "HTTP1.1", "HTTP", "HTTP/", "HTTP/A.B", "HTTP/1.1\x00", "HTTP/1.1\t", "HTTP/1.1 ",
                        "ICE/1.0", "SIP/2.0", "\x0bHTTP/1.1", "HTTP/9.9", "HTTP/11.1", "HTTP/\xb9.1"):
            self.ask(f"version {version!r}", version=version, then=Then.FAULT)
        self.ask("HTTP/1.0", version="HTTP/1.0", then=Then.END)
        self.ask("HTTP/1.0 without Host", version="HTTP/1.0", host=None, then=Then.END)
        self.post("HTTP/1.0 with a body", "Content-Length: 3", version="HTTP/1.0", then=Then.END)
        # Some parsers read more protocols than one, with their versions.
        for version in ("RTSP/1.0", "RTSP/1.1"):
            self.ask(version, version=version, then=Then.ANY)
        self.ask("HTTP/1.0 that stays", "Connection: keep-alive", version="HTTP/1.0", then=Then.ANY)
        for line in (f"GET {self.target}", f"GET {self.target} ", "GET /", "GET"):
            self.add(f"HTTP/0.9 {line!r}", text(line), then=Then.FAULT)
            self.add(f"HTTP/0.9 {line!r} with a bare LF", f"{line}\n".encode(), then=Then.FAULT)

    def start_lines(self):
        for line in ("GET  {} HTTP/1.1", "GET {}  HTTP/1.1"):
            # A reader may take more space for one (RFC 9112, section 3).
            self.add(f"start {line!r}", text(line.format(self.target), "Host: x", ""), Request("GET", self.target),
                     then=Then.ANY)
        for line in ("GET\t{} HTTP/1.1", "GET {}\tHTTP/1.1", " GET {} HTTP/1.1", "\tGET {} HTTP/1.1",
                     "GET\x0b{} HTTP/1.1", "GET\x0c{} HTTP/1.1", "GET\x00{} HTTP/1.1", "GET\xa0{} HTTP/1.1",
                     "GET HTTP/1.1", "GET  HTTP/1.1", "{} HTTP/1.1", "GET {} {} HTTP/1.1", "GET {} HTTP/1.1 HTTP/1.1",
                     "GET GET {} HTTP/1.1", "\x00GET {} HTTP/1.1", "\xef\xbb\xbfGET {} HTTP/1.1", "GET {}HTTP/1.1",
                     "GET{} HTTP/1.1", "HTTP/1.1 200 OK", "HTTP/1.1", ":", "\x16\x03\x01"):
            self.add(f"start {line!r}", text(line.format(self.target, self.target), "Host: x", ""), then=Then.FAULT)
        for before in (b"\r\n", b"\r\n\r\n", b"\r", b"\n", b"\n\r"):
            request = Request("GET", self.target)
            self.add(f"after {before!r}", before + text(f"GET {self.target} HTTP/1.1", "Host: x", ""), request,
                     then=Then.ANY)
        for before in (b"\x00\r\n", b" \r\n", b"\r\n \r\n", b"x\r\n", b"0\r\n\r\n"):
            self.add(f"after {before!r}", before + text(f"GET {self.target} HTTP/1.1", "Host: x", ""), then=Then.FAULT)

    def methods(self):
        for method in ("get", "Get", "gET", "GETT", "GE", "G", "FOO", "GET,POST", "GET/POST", "GET;", '"GET"', "1GET",
                       "", "*", "A" * 5_000, "\xc0GET", "__proto__"):
            self.ask(f"method {method[:20]!r}", method=method, then=Then.FAULT)
        for method in ("HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            self.ask(f"method {method}", method=method)
        for method in ("TRACE", "PROPFIND", "REPORT", "PURGE", "M-SEARCH", "DESCRIBE", "SETUP", "PRI"):
            self.ask(f"method {method}", method=method, then=Then.ANY)
        for target in (None, "x:443", "x", "169.254.169.254:80", "[::1]:22", "/", "*", "http://x/"):
            for fields in ((), ("Content-Length: 3",), ("Transfer-Encoding: chunked",)):
                self.ask(f"CONNECT {target} {fields}", *fields, method="CONNECT", target=target,
                         sent=b"abc" * bool(fields), then=Then.FAULT)

    # What is asked for.

    PATHS = (
        "/..", "/../", "/../x", "/./x", "/.", "/...", "/..;/x", "/%2e%2e/x", "/%2e/x", "/.%2e/x", "/%2E%2E%2fx",
        "/%252e%252e/x", "/..%2fx", "/..%5cx", "/%2f", "/%2fx", "/%5c", "/%5cx", "//", "//x", "///x", "/x//y", "/x/",
        "/%00", "/x%00", "/%00.html", "/%0d%0aX:%20y", "/%0a", "/%0d", "/%20", "/%09", "/%7f", "/%80", "/%ff",
        "/%c0%ae", "/%c0%af", "/%e0%80%af", "/%u0000", "/%", "/%z", "/%2", "/%%32e", "/%3f", "/%23", "/%25", ";x=y",
        "/;x", "/x;y/z", "?", "??", "?x", "?x=y&x=z", "?/../x", "?%0d%0a", "?a=%00", "/x?y?z", "/x?a=/b/../c",
        "?serverId=x", "/@x", "/x:y", "/http://x/", "/https:%2f%2fx", "/~", "/*", "/+", "/=", "/$", "/!", "/'", "/(x)",
        "/,", "/display", "/log", "/screenshot", "/log/", "//log", "/./log", "/log?x")

    def paths(self):
        for path in self.PATHS:
            self.ask(f"path {path!r}", target=f"{self.target}{path}")
        api, _, session = self.path.rpartition("/")
        for target in (f"/{self.path}/x", f"//{self.path}/x", f"{api}//{session}/x", f"{api}/./{session}/x",
                       f"{api}/../sessions/{session}/x", f"/x/..{self.path}/x", f"/.{self.path}/x",
                       f"{self.path.upper()}/x", f"{api}/%{ord(session[0]):x}{session[1:]}/x", f"{self.path}%00/x",
                       f"{self.path}%2fx", f"{self.path};x/y", f"{self.path}%20/x", f"{self.path}./x",
                       f"{self.path[:-1]}/x", f"{self.path}0/x", "/%61pi/v1/sessions/x", "/api/v1/login",
                       "/api/v1//login", "/api/v1/login/", "/api%2fv1%2flogin", "/", "//", "/x", "/session/x",
                       "/pages/../x", "/cluster/gossip"):
            self.ask(f"target {target!r}", target=target)

    def targets(self):
        for scheme in ("http", "https", "HTTPS"):
            for host, field in (("x", "Host: x"), ("X", "Host: x"), ("x:1", "Host: x:1"), ("[::1]", "Host: [::1]")):
                target = self.target
                data = text(f"GET {scheme}://{host}{target} HTTP/1.1", field, "")
                self.add(f"absolute {scheme}://{host} for {field}", data, Request("GET", target), then=Then.ANY)
        for url in ("http://y{}", "https://y{}", "http://x:80{}", "http://x@y{}", "http://x@x{}", "http://x.y{}",
                    "http://{}", "http:/x{}", "http:x{}", "http:{}", "http://x\\@y{}", "http://127.0.0.1{}",
                    "http://169.254.169.254{}", "http://[::1]{}", "http://y:99999{}", "http://%78{}", "ftp://x{}",
                    "file://{}", "file://x{}", "ws://x{}",
                    "gopher://x{}", "javascript:{}", "x://x{}", "://x{}", "http://x#{}", "http://x,y{}"):
            self.ask(f"absolute {url!r}", target=url.format(self.target), then=Then.FAULT)
        for target in ("x", "x:443", "api/v1/login", "?x", "#x", ".", "..", "\\x", "\\\\x", "%2f", ";", "@x", "~", "**",
                       "*x", "127.0.0.1", "[::1]:80", "-", "&", '"/"', "''", "(", "+"):
            self.ask(f"target {target!r}", target=target, then=Then.FAULT)
        for method in ("OPTIONS", "GET", "POST"):
            self.ask(f"{method} *", method=method, target="*", then=Then.ANY)

    def hosts(self):
        self.ask("no Host", host=None, then=Then.FAULT)
        for host in ("Host:", "Host: ", "Host: x, y", "Host: x y", "Host: x/y", "Host: http://x", "Host: x@y",
                     "Host: @x",
                     "Host: x?y", "Host: x#y", "Host: x\\y", "Host: \x00", "Host: x\x00", "Host: x\x0b", "Host: \xff",
                     "Host: x\xa0", "Host: <x>", "Host : x", " Host: x", "Host\t: x", "Host\x00: x", "Host: x\rHost: y",
                     "Host: x\nHost: y", "Host: x\r\n y"):
            self.ask(f"{host!r}", host=host, then=Then.FAULT)
        for first, second in (("Host: x", "Host: y"), ("Host: x", "Host: x"), ("Host: x", "host: y"),
                              ("Host:", "Host: x"), ("Host: x", "Host:"), ("HOST: x", "Host: 127.0.0.1")):
            self.ask(f"{first!r} and {second!r}", second, host=first, then=Then.FAULT)
            self.ask(f"{first!r} and, later, {second!r}", "A: b", second, host=first, then=Then.FAULT)
        for host in ("host: x", "HOST:x", "Host: y", "Host: localhost", "Host: 127.0.0.1", "Host: 169.254.169.254",
                     "Host: [::1]", "Host: [::1]:22", "Host: x:80", "Host: 2130706433", "Host: x.", "Host: xn--x",
                     f"Host: {'x' * 250}"):
            self.ask(f"{host[:60]!r}", host=host)
        for host in ("Host: x:", "Host: x:y", "Host: x:99999", "Host: x::1", "Host: [", "Host: x%00y", "Host: x;y",
                     "Host: *", "Host: 127.1", "Host: 0x7f000001", "Host: ."):
            self.ask(f"{host!r}", host=host, then=Then.ANY)

    # Fields between two hops.

    def connection_lists(self):
        cookie = f"Cookie: c={FORGED}"
        for value, fields in (
                ("cookie", [cookie]), ("Cookie", [cookie]), ("close-not, cookie", [cookie]), ("cookie,", [cookie]),
                (" ,cookie", [cookie]), ("\tcookie\t", [cookie]), ("x, COOKIE ,y", [cookie]),
                ("authorization", [f"Authorization: Bearer {FORGED}"]), ("x-csrf-token", [f"X-CSRF-Token: {FORGED}"]),
                ("x-a, x-b", [f"X-A: {FORGED}", f"X-B: {FORGED}", "X-C: c"]), ("keep-alive", [f"Keep-Alive: {FORGED}"]),
                ("te", [f"TE: {FORGED}"]), ("trailer", [f"Trailer: {FORGED}"]), ("x-none", []), ("", []), (",,,", []),
                ("proxy-connection", [f"Proxy-Connection: {FORGED}"]),
                ("accept, cookie", [f"Accept: {FORGED}", cookie]),
                ("cookie, authorization, x-csrf-token, content-length, fastx-member", [cookie]), ("fastx-member", []),
                ("x-forwarded-for", []), ("host", []), ("content-length", []), ("connection", []),
                ("transfer-encoding", []), ("fastx-refusal", [f"Fastx-Refusal: {FORGED}"]), ("content-type", [])):
            self.ask(f"Connection: {value!r}", f"Connection: {value}", *fields)
            self.post(f"Connection: {value!r} with a body", f"Connection: {value}", *fields, "Content-Length: 3")
            self.post(f"Connection: {value!r} after a chunked body's field", *fields, "Transfer-Encoding: chunked",
                      f"Connection: {value}", sent=b"3\r\nabc\r\n0\r\n\r\n")
        self.ask("two Connection fields", "Connection: x-a", f"X-A: {FORGED}", "connection: x-b", f"X-B: {FORGED}")
        for field in ("Keep-Alive: timeout=5", "Proxy-Connection: keep-alive", "TE: trailers", "Trailer: X",
                      "Proxy-Authorization: x", "Proxy-Authenticate: x"):
            name, _, value = field.partition(": ")
            self.ask(f"{name} without Connection", f"{name}: {value} {FORGED}")

    def connection_ends(self):
        for value in ("close", "Close", "CLOSE", " close ", "close, x", "x, close", "x,close,y", "keep-alive, close"):
            self.ask(f"Connection: {value!r}", f"Connection: {value}", then=Then.END)
            self.post(f"Connection: {value!r} with a body", f"Connection: {value}", "Content-Length: 3", then=Then.END)
        self.ask("close in the second field", "Connection: x", "Connection: close", then=Then.END)
        for value in ("closed", "not-close", "clos", '"close"', "close;x", "clo se"):
            self.ask(f"Connection: {value!r}", f"Connection: {value}", then=Then.ANY)

    def forged(self):
        for name in ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port",
                     "X-Forwarded-Server", "X-Forwarded-By", "X-Forwarded-Prefix", "X-Forwarded-Ssl", "X-Real-IP",
                     "Fastx-Refusal"):
            for spelling in (name, name.lower(), name.upper()):
                self.ask(f"{spelling}", f"{spelling}: {FORGED}")
            self.ask(f"{name} twice", f"{name}: {FORGED}", f"{name}: {FORGED}")
            self.ask(f"{name} named in Connection", f"Connection: {name}", f"{name}: {FORGED}")
            self.ask(f"{name} in HTTP/1.0", f"{name}: {FORGED}", version="HTTP/1.0", then=Then.END)
        for name in ("Fastx-Member", "fastx-member", "FASTX-MEMBER"):
            for value in (FORGED, f"{FORGED},{FORGED}", f"eyJhbGciOiJub25lIn0.e30.{FORGED}", f",,{FORGED}",
                          f"Bearer {FORGED}"):
                self.ask(f"{name}: {value}", f"{name}: {value}", then=Then.ANY)
                self.ask(f"{name}: {value} named in Connection", f"Connection: {name}", f"{name}: {value}",
                         then=Then.ANY)

    # Chunks.

    def chunked(self, name, sent, *fields, body=b"abc", **options):
        self.post(name, "Transfer-Encoding: chunked", *fields, sent=sent, body=body, **options)

    def chunk_sizes(self):
        end = b"\r\nabc\r\n0\r\n\r\n"
        for size in (b"3", b"03", b"00000003"):
            self.chunked(f"chunk size {size!r}", size + end)
        for size in (b"0" * 40 + b"3", b"3;x", b"3;x=y", b'3;x="y"', b"3;x;y=z", b"3;" + b"x" * 200, b"3 ;x", b"3; x",
                     b"3;x =y", b'3;x="\\""', b"3;", b"3;="):
            self.chunked(f"chunk size {size[:30]!r}", size + end, then=Then.ANY)
        for size in (b"0x3", b"+3", b"-3", b"3.0", b"g", b"", b";x", b" 3", b"\t3", b"3 ", b"3\t", b"3\x00", b"\x003",
                     b"3\x0b", b"3_", b"3h", b"'3'", b"3,3", b"3 3", b"\xff", b"\xc2\xb3", b"3;x\x00", b"3;\x0b",
                     b"3;x\n", b"3;x\r", b"3;\n", b"3\n", b"3\r", b"3\n\r", b"3;x=\"\n\"", b"10000000000000003",
                     b"100000000000000003", b"f" * 40, b"3;x=\"", b"3\r\n3"):
            self.chunked(f"chunk size {size!r}", size + end + self.smuggled, then=Then.FAULT)

    def chunk_ends(self):
        for sent in (b"3\r\nabc0\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"3\r\nab\r\n0\r\n\r\n", b"3\r\nabc\n0\r\n\r\n",
                     b"3\r\nabc\r0\r\n\r\n", b"3\r\nabc\r\r\n0\r\n\r\n", b"3\r\nabc\n\r0\r\n\r\n",
                     b"3\nabc\r\n0\r\n\r\n", b"3\rabc\r\n0\r\n\r\n", b"3\r\nabc\r\n-0\r\n\r\n",
                     b"3\r\nabc\r\n0x0\r\n\r\n", b"3\r\nabc\r\n \r\n\r\n", b"3\r\nabc\r\n\r\n0\r\n\r\n",
                     b"3\r\nabc\r\n0\n\r\n", b"3\r\nabc\r\n0\r\n\n", b"3\r\nabc\r\n0\n\n", b"3\r\nabc\r\n0\r\r\n\r\n",
                     b"3\r\nabc\r\n0\r\n\r", b"3\r\nabc\r\n0 \r\n\r\n", b"abz", b"\r\n\r\n", b"3zbc\r\n0\r\n\r\n",
                     b"3\r\nabc\r\n0\r\n0\r\n\r\n"):
            self.chunked(f"chunks {sent!r}", sent, then=Then.FAULT)
        for sent, body in ((b"0\r\n\r\n", b""), (b"00\r\n\r\n", b""), (b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", b"abc"),
                           (b"1\r\na\r\n" * 100 + b"0\r\n\r\n", b"a" * 100),
                           (b"5\r\n\r\n\r\n0\r\n0\r\n\r\n", b"\r\n\r\n0")):
            self.chunked(f"chunks {sent[:30]!r}", sent, body=body)
        hidden = self.smuggled
        self.chunked("a request in a chunk", b"%x\r\n%b\r\n0\r\n\r\n" % (len(hidden), hidden), body=hidden)
        self.chunked("an end within a chunk", b"7\r\n0\r\n\r\nab\r\n0\r\n\r\n", body=b"0\r\n\r\nab")
        self.chunked("an extension of the last chunk", b"3\r\nabc\r\n0;x=y\r\n\r\n", then=Then.ANY)

    def trailers(self):
        start = b"3\r\nabc\r\n0\r\n"
        for field in ("X: y", f"Content-Length: 9 {FORGED}", f"Transfer-Encoding: {FORGED}", f"Host: {FORGED}",
                      f"Cookie: {FORGED}", f"Authorization: Bearer {FORGED}", f"Fastx-Member: {FORGED}",
                      f"X-Forwarded-For: {FORGED}", f"Connection: {FORGED}", f"X-CSRF-Token: {FORGED}", "X: y\r\nX: z"):
            for announced in ((), (f"Trailer: {field.partition(':')[0]}",)):
                self.chunked(f"trailer {field!r} {announced}", start + text(field, ""), *announced, then=Then.ANY)
        for field in (" X: y", "X : y", "X: y\r\n z", "X", ": y", "X\x00: y", "X: \x00", "X: y\n", "X: y\r",
                      "X: y\nZ: z", "X Y: z"):
            self.chunked(f"trailer {field!r}", start + text(field, ""), then=Then.FAULT)

    # Several requests.

    def pipelines(self):
        for count in (2, 3, 10, 40):
            targets = [f"{self.target}/{number}" for number in range(count)]
            self.add(f"{count} in a row", b"".join(text(f"GET {each} HTTP/1.1", "Host: x", "") for each in targets),
                     *(Request("GET", each) for each in targets))
        kinds = {
            "GET": (text("GET {} HTTP/1.1", "Host: x", ""), b""),
            "HEAD": (text("HEAD {} HTTP/1.1", "Host: x", ""), b""),
            "POST": (text("POST {} HTTP/1.1", "Host: x", "Content-Length: 3", "") + b"abc", b"abc"),
            "PUT": (text("PUT {} HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "", "2", "xy", "0", ""), b"xy"),
        }
        for first, (data, body) in kinds.items():
            for second, (more, other) in kinds.items():
                one, two = f"{self.target}/a", f"{self.target}/b"
                both = data.replace(b"{}", one.encode()) + more.replace(b"{}", two.encode())
                self.add(f"{first}, then {second}", both, Request(first, one, body), Request(second, two, other))
            for fault in (b"G@T / HTTP/1.1\r\n\r\n", b"GET /x HTTP/1.1\nHost: x\n\n", b"\x00\x00", b"X",
                          b"HTTP/1.1 200 OK\r\n\r\n",
                          text("POST /x HTTP/1.1", "Host: x", "Content-Length: 3", "Transfer-Encoding: chunked", ""),
                          b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n\r\n",
                          b"GET /x HTTP/1.1\r\n\r\n"):
                one = f"{self.target}/a"
                self.add(f"{first}, then {fault[:30]!r}", data.replace(b"{}", one.encode()) + fault,
                         Request(first, one, body), then=Then.FAULT)

    def hidden_requests(self):
        """Whole requests and beginnings of some, where a body is or where none is."""
        for target in (f"{self.path}/smuggled", "/api/v1/me", "/api/v1/login/x-y", "/api/v1/logins",
                       f"{self.path}/smuggled/log"):
            whole = text(f"GET {target} HTTP/1.1", "Host: x", "")
            begun = f"GET {target} HTTP/1.1\r\nX: ".encode()
            for hidden in (whole, begun, whole + begun, b"0\r\n\r\n" + whole):
                for method in ("POST", "GET"):
                    self.post(f"{method} with {hidden[:12]!r} for {target} as its body",
                              f"Content-Length: {len(hidden)}", method=method, sent=hidden, body=hidden)
                for method in ("TRACE", "CONNECT"):
                    self.post(f"{method} with {hidden[:12]!r} for {target} as its body",
                              f"Content-Length: {len(hidden)}", method=method, sent=hidden, then=Then.FAULT)
        for method in ("GET", "HEAD", "DELETE", "OPTIONS"):
            own, next_target = self.target, f"{self.target}/next"
            data = text(f"{method} {own} HTTP/1.1", "Host: x", "", f"GET {next_target} HTTP/1.1", "Host: x", "")
            self.add(f"no body of {method}", data, Request(method, own), Request("GET", next_target))

    def expectations(self):
        for value in ("100-continue", "100-Continue", "100-CONTINUE"):
            self.post(f"Expect: {value}", f"Expect: {value}", "Content-Length: 3")
            self.chunked(f"Expect: {value}, chunked", b"3\r\nabc\r\n0\r\n\r\n", f"Expect: {value}")
            self.ask(f"Expect: {value} without a body", f"Expect: {value}")
        for value in ("", "100", "100-continue, x", "x", "100-continue\t", "200-ok"):
            self.post(f"Expect: {value!r}", f"Expect: {value}", "Content-Length: 3", then=Then.ANY)
        self.post("two expectations", "Expect: 100-continue", "Expect: 100-continue", "Content-Length: 3",
                  then=Then.ANY)
        self.post("Expect in HTTP/1.0", "Expect: 100-continue", "Content-Length: 3", version="HTTP/1.0", then=Then.ANY)
        self.post("Expect and both lengths", "Expect: 100-continue", "Content-Length: 3", "Transfer-Encoding: chunked",
                  then=Then.FAULT)

    WEBSOCKET = ("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version: 13")

    def upgrades(self):
        for protocol in ("h2c", "websocket", "TLS/1.0", "x", "h2c, websocket", "", FORGED):
            asked = (f"Upgrade: {protocol}", "Connection: Upgrade")
            self.ask(f"Upgrade: {protocol!r}", *asked, then=Then.ANY)
            self.post(f"Upgrade: {protocol!r} with a body", *asked, "Content-Length: 3", then=Then.ANY)
            self.chunked(f"Upgrade: {protocol!r} with chunks", b"3\r\nabc\r\n0\r\n\r\n", *asked, then=Then.ANY)
            self.ask(f"Upgrade: {protocol!r} with a body of a GET", *asked, "Content-Length: 3", sent=b"abc",
                     then=Then.ANY)
            self.ask(f"Upgrade: {protocol!r} that Connection does not name", asked[0])
        self.ask("h2c with settings", "Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings",
                 f"HTTP2-Settings: {FORGED}", then=Then.ANY)
        self.ask("Connection: Upgrade alone", "Connection: Upgrade")
        asked = ("Upgrade: websocket", "Connection: Upgrade")
        for fields in (("Sec-WebSocket-Version: 13",), self.WEBSOCKET[:1],
                       (*self.WEBSOCKET[:1], "Sec-WebSocket-Version: 12")):
            self.ask(f"an incomplete WebSocket {fields}", *asked, *fields, sent=b"", then=Then.ANY)
        for more in (("Content-Length: 3",), ("Transfer-Encoding: chunked",)):
            self.ask(f"a WebSocket with {more}", *asked, *self.WEBSOCKET, *more, target=f"{self.path}/display",
                     sent=b"abc" if "Length" in more[0] else b"3\r\nabc\r\n0\r\n\r\n", body=b"abc", then=Then.ANY)
        for target in (f"{self.path}/display", f"{self.path}/x/display", "/cluster/gossip", f"{self.target}"):
            data = text(f"GET {target} HTTP/1.1", "Host: x", *asked, *self.WEBSOCKET, "Authorization: Bearer x.y.z", "")
            # Only where a session is can it be asked for on the way.
            meaning = [Request("GET", target)] if target == f"{self.path}/display" else []
            self.add(f"a WebSocket at {target}", data + self.smuggled, *meaning, then=Then.END)
        self.post("a WebSocket by POST", *asked, *self.WEBSOCKET, "Content-Length: 3", then=Then.ANY)

    # Sizes, and ends.

    def sizes(self):
        for size in (100, 300, 1_000, 8_000, 14_000):
            # Tokens of members hold the target.
            then = Then.OPEN if size <= 300 else Then.ANY
            self.ask(f"a target of {size} bytes", target=f"{self.target}/{'x' * size}", then=then)
            self.ask(f"a query of {size} bytes", target=f"{self.target}?{'x' * size}", then=then)
            self.ask(f"a field of {size} bytes", f"X: {'x' * size}")
            self.ask(f"a name of {size} bytes", f"{'X' * size}: x")
        for size in (17_000, 100_000, 1_000_000):
            self.ask(f"a target of {size} bytes", target=f"{self.target}/{'x' * size}", then=Then.FAULT)
            self.ask(f"a field of {size} bytes", f"X: {'x' * size}", then=Then.FAULT)
            self.ask(f"a name of {size} bytes", f"{'X' * size}: x", then=Then.FAULT)
        for count in (50, 200):
            self.ask(f"{count} fields", *(f"X{number}: x" for number in range(count)), then=Then.ANY)
        self.ask("2000 fields", *("X: x" for _ in range(2_000)), then=Then.FAULT)
        for size in (1, 1_000, 60_000):
            self.post(f"a body of {size} bytes", f"Content-Length: {size}", sent=b"x" * size, body=b"x" * size)

    def cuts(self):
        get = text(f"GET {self.target} HTTP/1.1", "Host: x", "")
        for size in (1, 3, 10, len(get) - 4, len(get) - 2, len(get) - 1):
            self.add(f"the first {size} bytes of a request", get[:size], then=Then.CUT)
        for length in ("4", "100", "60000", "70000", "9223372036854775807", "18446744073709551615"):
            for method in ("POST", "DELETE", "GET"):
                self.post(f"{method} with 3 of {length} bytes", f"Content-Length: {length}", method=method,
                          then=Then.CUT)
        for sent in (b"", b"3", b"3\r\n", b"3\r\nab", b"3\r\nabc", b"3\r\nabc\r\n", b"3\r\nabc\r\n0",
                     b"3\r\nabc\r\n0\r\n", b"3\r\nabc\r\n0\r\nX: y\r\n", b"7fffffffffffffff\r\nabc",
                     b"ffffffffffffffff\r\nabc", b"8000000000000003\r\nabc"):
            for method in ("POST", "DELETE"):
                self.chunked(f"{method} with chunks cut after {sent!r}", sent, method=method, then=Then.CUT)
