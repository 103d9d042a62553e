# A real sshd on a port and with keys of its own, and the questions that its PAM service asks.
import base64
import contextlib
import hashlib
import hmac
import os
import secrets
import socket
import struct
import subprocess
import time
from pathlib import Path

from network import free_port
from users import host_command
from waiting import eventually

PROGRAM = "/usr/sbin/sshd"
# The address at which an agent asks its host's sshd.
HOST = "127.0.0.1"

# Without the delay after a wrong password that the host's own service has: no test has to sit it out.
PASSWORD = "auth required pam_unix.so nodelay\n"
VERIFICATION_CODE = "auth required pam_google_authenticator.so no_increment_hotp\n"
ACCOUNT = "account required pam_unix.so\npassword required pam_unix.so\nsession required pam_unix.so\n"


class Sshd:
    """An sshd, by default with the PAM service of the host's own; on this host or on one that a test has made."""

    def __init__(self, directory, pam=None, options=(), host=None, address=HOST, port=None):
        self.host, self.address = host, address
        self.directory = Path(directory)
        self.directory.mkdir(mode=0o755)
        self.port = port or free_port(address)
        self.log_path = self.directory / "log"
        self.known_hosts = self.directory / "known_hosts"
        self.service = None
        self.key = key = self.directory / "host_key"
        host_command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key)
        self.know(key)
        lines = [
            f"Port {self.port}", f"ListenAddress {address}", f"HostKey {key}", "PidFile none", "UsePAM yes", "UseDNS no",
            "MaxStartups 200", "PrintMotd no", *options]
        names = {line.split()[0] for line in options}
        defaults = {"KbdInteractiveAuthentication": "yes", "PasswordAuthentication": "no", "PubkeyAuthentication": "no"}
        lines += [f"{name} {value}" for name, value in defaults.items() if name not in names]
        program = PROGRAM
        if pam:
            program = self._make_service(pam, lines)
        # A later sshd locks out addresses with wrong passwords; here all come from one.
        if self._takes("PerSourcePenalties no"):
            lines.append("PerSourcePenalties no")
        configuration = self.directory / "config"
        configuration.write_text("\n".join(lines) + "\n")
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*(host.wrapper if host else ()), str(program), "-D", "-e", "-f", str(configuration)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        eventually(self._is_listening, "sshd listens")

    def know(self, key):
        """Makes a host key the one that clients of this sshd expect."""
        public = Path(f"{key}.pub").read_text().split()
        self.known_hosts.write_text(f"[{self.address}]:{self.port} {public[0]} {public[1]}\n")
        self.known_hosts.chmod(0o644)

    def _make_service(self, pam, lines):
        """A PAM service of this sshd's own. Older versions take their program's name for the service's."""
        self.service = Path(f"/etc/pam.d/fxt-sshd-{secrets.token_hex(4)}")
        self.service.write_text(pam + ACCOUNT)
        program = self.directory / self.service.name
        program.symlink_to(PROGRAM)
        option = f"PAMServiceName {self.service.name}"
        if self._takes(option):
            lines.append(option)
        return program

    @staticmethod
    def _takes(option):
        name, value = option.split()
        return subprocess.run(
            [PROGRAM, "-G", "-f", "/dev/null", "-o", f"{name}={value}"], capture_output=True).returncode == 0

    def _is_listening(self):
        assert self.process.poll() is None, self.log()
        with self.host.entered() if self.host else contextlib.nullcontext(), contextlib.suppress(ConnectionRefusedError):
            socket.create_connection((self.address, self.port)).close()
            return True

    def log(self):
        return self.log_path.read_text(errors="replace")

    def close(self):
        self.process.terminate()
        self.process.wait(5)
        if self.service:
            self.service.unlink()


class VerificationCodes:
    """A user's second factor, as an app on a phone computes it (RFC 6238)."""

    SCRATCH_CODE = "48151623"

    def __init__(self, user):
        self._secret = secrets.token_bytes(20)
        path = user.home / ".google_authenticator"
        path.write_text(f"{base64.b32encode(self._secret).decode()}\n\" TOTP_AUTH\n{self.SCRATCH_CODE}\n")
        path.chmod(0o600)
        os.chown(path, user.uid, user.gid)

    def now(self):
        digest = hmac.digest(self._secret, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1)
        place = digest[-1] & 0x0F
        return "%06d" % ((struct.unpack(">I", digest[place:place + 4])[0] & 0x7FFFFFFF) % 1_000_000)

    @staticmethod
    def wrong():
        return "000000"
