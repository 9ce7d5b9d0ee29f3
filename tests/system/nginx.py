"""A real nginx with the product's configuration, in front of what runs already."""

import shutil
import ssl
import subprocess
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

import requests

from opbx.settings import ROOT
from tests.certificates import Certificates, make_certificates
from tests.servers import Server, free_port, wait_until

_DEPLOY = ROOT / "deploy/nginx"

#: The defaults that a location of the product's must not depend on: anything idle for two seconds would end.
_IMPATIENCE = "proxy_read_timeout 2s; proxy_send_timeout 2s;"


def binary() -> str | None:
    """Debian has it where the path of an ordinary user does not reach."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


class Nginx(Server):
    """Serves what listens at these ports as `https://localhost:{port}`, certified by `certificates.authority`."""

    def __init__(self, folder: Path, docs: Path, *, web: int, relays: Sequence[int], flower: int) -> None:
        program = binary()
        assert program is not None, "nginx is not installed"
        self.web, self.relays, self.flower = web, relays, flower
        self.port, self.plain_port = free_port(), free_port()
        self.certificates: Certificates = make_certificates(folder)
        self._folder = folder
        self.docs = docs
        self._command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]
        self._globals = f"daemon off; pid {folder}/nginx.pid;"
        super().__init__("nginx", folder, *self._command, "-g", self._globals)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def configure(self) -> None:
        """Fill in the template as the container's entry point does."""
        upstreams = self._folder / "conf.d"
        upstreams.mkdir(exist_ok=True)
        shutil.copy(_DEPLOY / "nginx.conf", self._folder)
        relays = " ".join(f"server 127.0.0.1:{port};" for port in self.relays)
        (upstreams / "a-test.conf").write_text(f"upstream relays {{ {relays} }}\n{_IMPATIENCE}\n")
        template = Template((_DEPLOY / "templates/opbx.conf.template").read_text())
        (upstreams / "opbx.conf").write_text(
            template.safe_substitute(
                NGINX_RESOLVER="127.0.0.1",
                NGINX_HTTP_PORT=f"127.0.0.1:{self.plain_port}",
                NGINX_HTTPS_PORT=f"127.0.0.1:{self.port}",
                NGINX_HTTPS_SUFFIX=f":{self.port}",
                NGINX_SERVER_NAME="localhost",
                NGINX_CERTIFICATE=self.certificates.certificate,
                NGINX_CERTIFICATE_KEY=self.certificates.key,
                NGINX_ACME_ROOT=self._folder,
                NGINX_DOCS=self.docs,
                NGINX_WEB=f"127.0.0.1:{self.web}",
                NGINX_RELAY="relays",
                NGINX_FLOWER=f"127.0.0.1:{self.flower}",
            )
        )

    def start(self) -> None:
        self.configure()
        super().start()
        wait_until(self._ready, what=f"nginx answering:\n{self.tail()}")

    def reload(self) -> None:
        """Raises when the configuration is not accepted."""
        subprocess.run([*self._command, "-g", self._globals, "-s", "reload"], check=True, timeout=20)

    def hurry(self) -> None:
        """Take the times that slow senders have for one second instead of ten."""
        conf = self._folder / "nginx.conf"
        hurried = conf.read_text().replace("header_timeout 10s", "header_timeout 1s")
        conf.write_text(hurried.replace("body_timeout 10s", "body_timeout 1s"))
        self.reload()

    def generation(self) -> set[int]:
        """The processes that serve now."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return {int(child) for child in children}

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(f"{self.url}{path}", verify=str(self.certificates.authority), timeout=10, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return requests.post(f"{self.url}{path}", verify=str(self.certificates.authority), timeout=10, **options)

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificates.authority))

    def _ready(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self.plain_port}/proxy/ready", timeout=2).ok
        except requests.RequestException:
            return False
