# HTTP/2 by hand: requests whose fields no client would send, and many of them.
import ssl
import socket

import h2.config
import h2.connection
import h2.events

from certificates import client_context
from smuggling import text

ANSWER_SECONDS = 8
TLS = client_context()
TLS.set_alpn_protocols(["h2"])


def request(method="GET", path="/", *fields, scheme="https", authority="x"):
    """The fields of a request, as they go on the wire."""
    own = [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path), *fields]
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in own]


def ask(address, client, fields, body=b""):
    """The status and the body that one request is answered with; None where its stream or the connection is ended."""
    connection = h2.connection.H2Connection(h2.config.H2Configuration(
        validate_outbound_headers=False, normalize_outbound_headers=False, header_encoding=None))
    plain = socket.create_connection(address, ANSWER_SECONDS, source_address=(client, 0))
    with TLS.wrap_socket(plain) as stream:
        connection.initiate_connection()
        connection.send_headers(1, fields, end_stream=not body)
        if body:
            connection.send_data(1, body, end_stream=True)
        stream.sendall(connection.data_to_send())
        return _answer(connection, stream)


def _answer(connection, stream):
    status, body = None, b""
    while data := _receive(stream):
        for event in connection.receive_data(data):
            match event:
                case h2.events.ResponseReceived():
                    status = int(dict(event.headers)[b":status"])
                case h2.events.DataReceived():
                    body += event.data
                case h2.events.StreamEnded():
                    return status, body
                case h2.events.StreamReset() | h2.events.ConnectionTerminated():
                    return None
    return None


def _receive(stream):
    try:
        return stream.recv(65536)
    except ssl.SSLError:
        return b""


def lines(start):
    """What would become other lines of a request, or other requests."""
    return (f"{start} HTTP/1.1\r\nHost: x\r\n\r\nGET /", f"{start} HTTP/1.1\r\nX: y", f"{start}\nX: y",
            f"{start}\rX: y", f"{start}\0", f"{start} x", f"{start}\tx")


def meaningless(path):
    """Requests below a path that HTTP/1.1 cannot say, or says differently: fields and bodies by their names."""
    hidden = text(f"GET {path}/smuggled HTTP/1.1", "Host: x", "")
    length, inputs = str(len(hidden)), {}
    for target in (*lines(f"{path}/x"), "", "*x", "x", f"http://x{path}/x", f"https://y{path}/x", f"{path}/\xff",
                   f"{path}/x#y", f'{path}/"', f"{path}/<", f"{path}/\\"):
        inputs[f"path {target!r}"] = request("GET", target), b""
    for method in ("TRACE", "CONNECT", "FOO", "get", "", "GET ", " GET", "G\0T", "M-SEARCH", *lines("GET")):
        inputs[f"method {method!r}"] = request(method, f"{path}/x", ("content-length", length)), hidden
    for name in ("X-A", "x-a: b\r\nx-c", "x a", "x:a", "", "x\0", "\xff", "x\n", ":x", ":path", ":method", ":status"):
        inputs[f"name {name!r}"] = request("GET", f"{path}/x", (name, "v")), b""
    for value in lines("v")[:5]:
        inputs[f"value {value!r}"] = request("GET", f"{path}/x", ("x-a", value)), b""
    for field in (("connection", "cookie"), ("connection", "close"), ("transfer-encoding", "chunked"),
                  ("keep-alive", "x"), ("upgrade", "h2c"), ("proxy-connection", "x"), ("te", "gzip"),
                  ("content-length", "3"), ("content-length", f"{length}0"), ("content-length", "x"),
                  ("content-length", "-1"), ("content-length", f"{length}, 3")):
        inputs[f"field {field}"] = request("POST", f"{path}/x", field), hidden
    return inputs
