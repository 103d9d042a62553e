# A real nginx between members: it ends TLS and passes requests on, but no upgrades, as it does unless told otherwise.
import contextlib
import re
import shutil
import socket
import subprocess
from pathlib import Path

from certificates import make_certificate
from network import url
from waiting import eventually

CONFIGURATION = """
daemon off; user root; worker_processes 1; pid {directory}/pid; error_log stderr;
events {{ worker_connections 256; }}
http {{
    log_format requests '$status $request';
    access_log {directory}/access.log requests;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    server {{
        listen {address} ssl;
        ssl_certificate {directory}/certificate.pem;
        ssl_certificate_key {directory}/key.pem;
        location / {{ proxy_pass {target}; proxy_http_version 1.1; }}
    }}
}}
"""


class Nginx:
    """A proxy on a host that a test has made."""

    def __init__(self, directory, host, address, target):
        self.directory, self.host, self.address = Path(directory), host, address
        self.directory.mkdir(mode=0o755)
        key, certificate = make_certificate(address[0])
        (self.directory / "key.pem").write_bytes(key)
        self.certificate = self.directory / "certificate.pem"
        self.certificate.write_bytes(certificate)
        configuration = self.directory / "nginx.conf"
        configuration.write_text(CONFIGURATION.format(
            directory=self.directory, address="%s:%d" % address, target=url(target)))
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                [*host.wrapper, program, "-c", configuration], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        eventually(self._is_listening, "nginx listens")

    def _is_listening(self):
        assert self.process.poll() is None, self.log()
        with self.host.entered(), contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(self.address, timeout=5).close()
            return True

    def log(self):
        return (self.directory / "log").read_text(errors="replace")

    def requests(self, pattern):
        """The requests that were answered, as status, method, target and version, where they match a regular expression."""
        lines = (self.directory / "access.log").read_text().splitlines()
        return [line for line in lines if re.search(pattern, line)]

    def close(self):
        self.process.terminate()
        self.process.wait(5)
