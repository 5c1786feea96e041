"""An encrypted Dask scheduler with two workers, as docs/cluster.md has them, killed and started again."""

from __future__ import annotations

import datetime as dt
import gc
import re
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from na64.run import main

pytestmark = pytest.mark.soak

Products = dict[str, bytes]


@pytest.fixture(autouse=True)
def _no_connection_left() -> Iterator[None]:
    """Let go of sockets that Dask leaves when a server dies or a handshake fails, before the next test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def write_certificate(folder: Path) -> list[str]:
    """Write one certificate, signed by itself; give the options that name it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "na64")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    (folder / "cert.pem").write_bytes(pem)
    (folder / "ca.pem").write_bytes(pem)
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    (folder / "key.pem").chmod(0o600)
    files = {"--tls-ca-file": "ca.pem", "--tls-cert": "cert.pem", "--tls-key": "key.pem"}
    return [
        "--protocol",
        "tls",
        *(word for option, file in files.items() for word in (option, str(folder / file))),
    ]


@dataclass
class Site:
    """A scheduler at one address, and workers."""

    folder: Path
    port: int
    tls: list[str]
    begin: Callable[..., Any]
    stack: ExitStack
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def cluster(self) -> Path:
        return self.folder / "mine.toml"

    def start(self, n_workers: int = 2) -> None:
        address = f"127.0.0.1:{self.port}"
        self._run("dask_scheduler", "--host", "127.0.0.1", "--port", str(self.port), address=address)
        for _ in range(n_workers):
            self._run(
                "dask_worker", f"tls://{address}", "--nthreads", "1", "--local-directory", str(self.folder)
            )

    def _run(self, module: str, *options: str, address: str = "") -> None:
        closed = ("--no-dashboard", "--dashboard-address", "127.0.0.1:0")
        line = [sys.executable, "-m", f"distributed.cli.{module}", *options, *closed, *self.tls]
        self.running.append(self.begin(self.stack, line, self.folder / f"{module}.out", address))

    def kill(self) -> None:
        """Kill the scheduler, and its workers as an outage of a machine does."""
        for process in self.running:
            process.send_signal(signal.SIGKILL)
            process.wait()
        self.running.clear()


@pytest.fixture
def site(servers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for role in ("SCHEDULER", "WORKER"):
        monkeypatch.setenv(f"DASK_DISTRIBUTED__{role}__HTTP__ROUTES", "[]")
    with ExitStack() as stack:
        found = Site(tmp_path, servers.free_port(), write_certificate(tmp_path), servers.begin_here, stack)
        found.cluster.write_text(
            f'[cluster]\nkind = "address"\naddress = "tls://127.0.0.1:{found.port}"\npatience = 30\n'
            '[tls]\nca = "ca.pem"\ncert = "cert.pem"\nkey = "key.pem"\n'
        )
        found.start()
        yield found


def process(listed: Path, out: Path, site: Site, *options: str) -> int:
    line = ["process", str(listed), "--selection", "dimuon_2023", "--to", str(out), "--no-report"]
    return main([*line, "--store", str(out / "features"), "--cluster", str(site.cluster), *options])


def test_a_scheduler_that_is_killed_is_said_and_nothing_is_lost(
    *,
    site: Site,
    catalogue: Path,
    reference: Products,
    holding: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, plugin = tmp_path / "out", ("--plugin", str(holding.plugin))
    holding.hold()
    with holding.when_held(site.kill):
        assert process(catalogue, out, site, *plugin) == 1
    said = capsys.readouterr().err
    assert re.search(r"^na64: .*(the scheduler has gone|no workers for 30 s|no answer)", said, re.M), said
    assert "Traceback" not in said
    site.start()
    assert process(catalogue, out, site, *plugin) == 0
    assert (out / "yields.csv").read_bytes() == reference["yields.csv"]


def test_a_scheduler_that_comes_back_within_seconds_costs_at_most_a_second_try(
    site: Site, catalogue: Path, reference: Products, holding: Any, tmp_path: Path
) -> None:
    out, plugin = tmp_path / "out", ("--plugin", str(holding.plugin))

    def restart() -> None:
        site.kill()
        holding.release()
        site.start()

    holding.hold()
    with holding.when_held(restart):
        first = process(catalogue, out, site, *plugin)
    assert first in (0, 1)
    if first == 1:
        assert process(catalogue, out, site, *plugin) == 0
    assert (out / "yields.csv").read_bytes() == reference["yields.csv"]


def test_a_client_without_the_certificate_is_not_let_in(
    site: Site, catalogue: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write_certificate(other)
    (other / "mine.toml").write_text(site.cluster.read_text())
    line = [
        "process",
        str(catalogue),
        "--selection",
        "dimuon_2023",
        "--to",
        str(tmp_path / "out"),
        "--no-report",
    ]
    assert main([*line, "--cluster", str(other / "mine.toml")]) == 1
    assert f"na64: no scheduler answers at tls://127.0.0.1:{site.port}" in capsys.readouterr().err
