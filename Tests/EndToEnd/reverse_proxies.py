# What others run before a server, to compare with: nginx and HAProxy, each with a file of its own and as a plain user.
import os
import socket
import subprocess

from certificates import make_certificate
from network import new_address
from waiting import eventually

# The field in which they tell the member who asked them.
SENDER = "x-tested-from"

NO_UPGRADES = 'proxy_set_header Connection "";'
# As the manual has it.
UPGRADES = """proxy_set_header Host $http_host;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $wanted_connection;"""

NGINX = """
daemon off; master_process off; error_log stderr crit; pid {directory}/pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    client_header_timeout 1s; client_body_timeout 1s; lingering_close off;
    map $http_upgrade $wanted_connection {{ default upgrade; '' ''; }}
    upstream member {{ server {member}; keepalive 16; }}
    server {{
        listen {address} ssl;
        ssl_certificate {directory}/certificate.pem; ssl_certificate_key {directory}/certificate.pem;
        location / {{
            proxy_pass https://member; proxy_http_version 1.1;
            proxy_set_header {sender} $remote_addr; {fields}
        }}
    }}
}}
"""
HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 2s
    timeout server 5s
    timeout http-request 1s
    timeout tunnel 1s
frontend tested
    bind {address} ssl crt {directory}/certificate.pem alpn http/1.1
    http-request set-header {sender} %[src]
    default_backend member
backend member
    http-reuse always
    server member {member} ssl verify none
"""


class ReverseProxy:
    """A proxy that ends TLS and asks a member over TLS again."""

    def __init__(self, directory, user, settings, command, **parts):
        self.directory, self.user, self.settings, self.command, self.parts = directory, user, settings, command, parts
        self.address = new_address()
        self.process = None

    def start(self, member):
        self.directory.mkdir(mode=0o700)
        self._write("certificate.pem", b"".join(make_certificate(self.address[0])))
        self._write("settings", self.settings.format(
            directory=self.directory, address="%s:%d" % self.address, member="%s:%d" % member, sender=SENDER,
            **self.parts).encode())
        os.chown(self.directory, self.user.uid, self.user.gid)
        self.process = subprocess.Popen(
            [*self.user.wrapper, *self.command, self.directory / "settings"], stdin=subprocess.DEVNULL,
            stderr=(self.directory / "errors").open("wb"))
        eventually(self._is_listening, f"{self.command[0]} listens")
        return self

    def _write(self, name, data):
        (self.directory / name).write_bytes(data)
        os.chown(self.directory / name, self.user.uid, self.user.gid)

    def _is_listening(self):
        if self.process.poll() is not None:
            raise RuntimeError((self.directory / "errors").read_text())
        with socket.socket() as probe:
            return probe.connect_ex(self.address) == 0

    def close(self):
        if self.process:
            self.process.terminate()
            self.process.wait(5)


def nginx(directory, user, fields=NO_UPGRADES):
    """An nginx that keeps connections to the member."""
    return ReverseProxy(directory, user, NGINX, ["nginx", "-e", "stderr", "-c"], fields=fields)


def haproxy(directory, user):
    return ReverseProxy(directory, user, HAPROXY, ["haproxy", "-db", "-f"])
