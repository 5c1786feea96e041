"""The same campaign on clusters of several kinds."""

from __future__ import annotations

import http.client
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil
import pytest
from distributed import Security

from na64.processors.execution.cluster_backend import EXPORTS, open_cluster, package_archive
from na64.processors.execution.clusters import CLUSTERS, ClusterKind, load_cluster
from na64.processors.execution.dask_backend import SETTINGS, DaskBackend
from na64.processors.execution.ledger import Partial
from na64.processors.execution.tasks import Task, Work
from na64.run import main

STAND_INS = Path(__file__).parent / "stand_ins"

Products = dict[str, bytes]


@pytest.fixture(scope="module")
def data(simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("clusters"), "small", 700)


@pytest.fixture(scope="module")
def reference(data: Path, process: Callable[..., Path], canonical: Callable[[Path], Products]) -> Products:
    return canonical(run(process, data, "reference", "--executor", "dask", "--workers", "1"))


def run(process: Callable[..., Path], data: Path, name: str, *options: str) -> Path:
    """Process with a feature store of its own: nothing comes from another run."""
    store = ["--store", str(data.parent / f"{name}_features")]
    return process(data, "dimuon_2023", *store, *options, name=name)


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Write certificates as files."""
    folder, security = tmp_path_factory.mktemp("pem"), Security.temporary()
    found = {}
    for name, text in (
        ("ca", security.tls_ca_file),
        ("cert", security.tls_client_cert),
        ("key", security.tls_client_key),
    ):
        path = folder / f"{name}.pem"
        path.write_text(text)
        found[name] = str(path)
    return found


DOCUMENT = (Path(__file__).parents[1] / "docs" / "cluster.md").read_text()


@contextmanager
def documented(
    name: str, options: str, folder: Path, more: Mapping[str, str] = MappingProxyType({})
) -> Iterator[int]:
    """Run a program in the background as the document says, with more options; give the id of its process."""
    lines = re.findall(r"^\$ ((?:export |TLS=).*)$", DOCUMENT, re.MULTILINE)
    (line,) = re.findall(rf"^\$ {name} (.*?) &", DOCUMENT, re.MULTILINE)
    script = "\n".join([*lines, f"exec {sys.executable} -m {name} {line} {options}"])
    process = subprocess.Popen(
        ["sh", "-c", script],
        cwd=folder,
        env=os.environ | dict(more),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


@contextmanager
def encrypted_cluster(folder: Path, pem: dict[str, str], *environments: dict[str, str]) -> Iterator[Path]:
    """Start a scheduler and a worker per environment with TLS; give the TOML file that describes them."""
    for path in pem.values():
        shutil.copy(path, folder)
    with ExitStack() as stack:
        stack.enter_context(documented("dask scheduler", "--host 127.0.0.1 --port 0", folder))
        for more in environments:
            stack.enter_context(documented("dask worker", "--no-nanny --local-directory .", folder, more))
        yield describe(folder, folder / "scheduler.json", pem)


def describe(folder: Path, there: Path, pem: dict[str, str]) -> Path:
    """Write the TOML file of a scheduler, when it is there."""
    while not there.exists():
        time.sleep(0.02)
    address = json.loads(there.read_text())["address"]
    files = "\n".join(f'{name} = "{path}"' for name, path in pem.items())
    path = folder / "mine.toml"
    path.write_text(f'[cluster]\nkind = "address"\naddress = "{address}"\n[tls]\n{files}\n')
    return path


def test_two_workers_with_tls_give_the_same_products(
    *,
    data: Path,
    pem: dict[str, str],
    reference: Products,
    process: Callable[..., Path],
    canonical: Callable[[Path], Products],
    tmp_path: Path,
) -> None:
    with encrypted_cluster(tmp_path, pem, {}, {}) as cluster:
        folder = run(process, data, "tls", "--executor", "dask", "--cluster", str(cluster))
    assert canonical(folder) == reference


def test_the_pages_of_a_documented_cluster_are_closed(pem: dict[str, str], tmp_path: Path) -> None:
    for path in pem.values():
        shutil.copy(path, tmp_path)
    with (
        documented("dask scheduler", "--host 127.0.0.1 --port 0", tmp_path) as scheduler,
        documented("dask worker", "--no-nanny --local-directory .", tmp_path) as worker,
    ):
        for pid in (scheduler, worker):
            places = listening(pid)
            pages = [place for place in places if answers_http(*place)]
            assert [host for host, _ in pages] == ["127.0.0.1"]
            (port,) = (port for _, port in pages)
            for page in ("status", "metrics", "info/main/workers.html", "json/counts.json", "health"):
                with pytest.raises(urllib.error.HTTPError, match="404") as refused:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=600)
                refused.value.close()


def listening(pid: int) -> list[tuple[str, int]]:
    """Wait until a process listens for its own kind and for HTTP; give the addresses."""
    while True:
        found = psutil.Process(pid).net_connections("tcp")
        places = [one.laddr for one in found if one.status == psutil.CONN_LISTEN]
        if len(places) >= 2:
            return [(place.ip, place.port) for place in places]
        time.sleep(0.05)


def answers_http(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1" if host in ("0.0.0.0", "::") else host, port)  # noqa: S104
    try:
        connection.request("GET", "/")
        return connection.getresponse().status > 0
    except (http.client.HTTPException, OSError):
        return False
    finally:
        connection.close()


def another(folder: Path) -> dict[str, str]:
    """Make an environment in which na64 is another one."""
    (folder / "other" / "na64").mkdir(parents=True)
    (folder / "other" / "na64" / "__init__.py").write_text('__version__ = "9.9"\n')
    # Compiling would take longer than counting without: a worker that is sent code starts from nothing.
    return {"PYTHONPATH": str(folder / "other"), "NUMBA_DISABLE_JIT": "1"}


def test_a_worker_with_other_code_gets_ours_if_it_is_uploaded(
    *,
    data: Path,
    pem: dict[str, str],
    reference: Products,
    process: Callable[..., Path],
    canonical: Callable[[Path], Products],
    tmp_path: Path,
) -> None:
    with encrypted_cluster(tmp_path, pem, another(tmp_path)) as cluster:
        cluster.write_text(cluster.read_text().replace("[tls]", 'code = "upload"\n[tls]'))
        folder = run(process, data, "upload", "--executor", "dask", "--cluster", str(cluster))
    assert canonical(folder) == reference


@pytest.mark.soak
def test_a_worker_with_other_code_is_refused_by_name(
    data: Path, pem: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = tmp_path / "c.json"
    assert main(["catalogue", str(data), "--to", str(listed)]) == 0
    line = ["process", str(listed), "--selection", "dimuon_2023", "--to", str(tmp_path / "out")]
    with encrypted_cluster(tmp_path, pem, another(tmp_path)) as cluster:
        assert main([*line, "--cluster", str(cluster)]) == 1
    (said,) = (text for text in capsys.readouterr().err.splitlines() if text.startswith("na64"))
    assert re.fullmatch(r"na64: worker tls://127.0.0.1:\d+ has na64 9.9: expected \S+", said)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('kind = "condor"', 'mine.toml: cluster.kind: unknown kind "condor", nearest known is "htcondor"'),
        ('kind = "slurm"\nworkers = 0', "cluster mine: workers are 0 to 0, expected at least 1"),
        ('kind = "slurm"\nminimum = 3\nmaximum = 2', "cluster mine: workers are 3 to 2, expected"),
        ('kind = "slurm"\nworkers = 3\nmaximum = 2', "mine.toml: cluster: workers, or minimum and maximum"),
        (
            'kind = "slurm"\nworker = 3',
            'mine.toml: cluster: unknown key "worker", nearest known is "workers"',
        ),
        ('kind = "slurm"\npatience = 0', "cluster mine: patience is 0.0 s, expected more than 0"),
        ('kind = "slurm"\naddress = "tcp://a:1"', "cluster mine: an address belongs to kind address"),
        ('kind = "address"', "cluster mine: an address belongs to kind address"),
        ('kind = "local"\n[options]\ncores = 1', "cluster mine: no options are known for kind local"),
        (
            'kind = "address"\naddress = "tls://a:1"\n[tls]\nca = "x"\ncert = "x"\nkey = "x"',
            "x: no such file",
        ),
        (
            'kind = "address"\naddress = "tcp://192.0.2.1:1"',
            "192.0.2.1:1 is on another host and not encrypted",
        ),
        ('kind = "slurm"', "cluster mine: sbatch is not on this machine"),
        ('kind = "htcondor"', "cluster mine: condor_submit is not on this machine"),
        ('kind = "lxplus"', "cluster mine needs the package dask-lxplus, which is not installed"),
        ('kind = "kubernetes"', "cluster mine needs the package dask-kubernetes, which is not installed"),
        ('kind = "gateway"', "cluster mine needs the package dask-gateway, which is not installed"),
    ],
)
def test_what_cannot_work_is_said_in_a_line(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    for module in ("dask_lxplus", "dask_kubernetes", "dask_kubernetes.operator", "dask_gateway"):
        monkeypatch.setitem(sys.modules, module, None)
    path = tmp_path / "mine.toml"
    path.write_text(f"[cluster]\n{text}\n")
    with pytest.raises((ValueError, KeyError)) as refused:
        next(open_cluster(load_cluster(path)).map(Work(_nothing), []))
    assert message in str(refused.value)


def _nothing(_task: Task, _context: object) -> Partial:
    return Partial()


def test_a_name_that_is_not_packaged_is_refused() -> None:
    with pytest.raises(KeyError, match='unknown cluster "slurmm", nearest known is "slurm"'):
        load_cluster("slurmm")


@pytest.mark.parametrize("name", CLUSTERS)
def test_packaged_clusters_scale(name: str) -> None:
    cluster = load_cluster(name)
    assert cluster.kind.value == name
    assert cluster.is_adaptive == (name != "local")
    assert not cluster.insecure


@pytest.mark.parametrize(
    "options", [("--executor", "processes"), ("--scheduler", "tls://localhost:1")], ids=" ".join
)
def test_a_cluster_goes_with_dask_alone(
    data: Path, options: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = tmp_path / "c.json"
    assert main(["catalogue", str(data), "--to", str(listed)]) == 0
    line = ["process", str(listed), "--selection", "dimuon_2023", "--to", str(tmp_path / "out")]
    assert main([*line, "--cluster", "local", *options]) == 2
    assert (
        "na64: cluster local goes with the dask executor and without --scheduler\n" in capsys.readouterr().err
    )


def test_equal_code_is_packed_alike_and_all_of_it() -> None:
    packed = package_archive()
    assert packed == package_archive()
    names = zipfile.ZipFile(io.BytesIO(packed)).namelist()
    assert {
        "na64/__init__.py",
        "na64/selections/dimuon_2023.toml",
        "na64/processors/execution/tasks.py",
    } <= set(names)
    assert len(packed) < 2e6


def test_jobs_read_the_settings_of_our_workers_from_their_environment() -> None:
    names = [name for name in SETTINGS if name.startswith(("distributed.worker.", "distributed.admin."))]
    ask = f"import json, os, dask, distributed; print(json.dumps([dask.config.get(name) for name in {names}]"
    ask += " + [os.environ['MALLOC_ARENA_MAX']]))"
    script = "\n".join([*EXPORTS, f'{sys.executable} -c "{ask}"'])
    *found, arenas = json.loads(subprocess.check_output(["sh", "-c", script], text=True))
    assert dict(zip(names, found, strict=True)) == {name: SETTINGS[name] for name in names}
    assert "distributed.worker.memory.pause" in names
    assert arenas == "1"


@pytest.mark.soak
def test_workers_that_are_jobs_of_slurm_give_the_same_products(
    *,
    data: Path,
    reference: Products,
    process: Callable[..., Path],
    canonical: Callable[[Path], Products],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", f"{STAND_INS / 'jobqueue'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("STAND_IN_COUNTER", str(tmp_path / "counter"))
    place = tmp_path / "it's my place"  # as a shell would not have it
    place.mkdir()
    monkeypatch.chdir(place)
    mine = tmp_path / "mine.toml"
    text = '[cluster]\nkind = "slurm"\nminimum = 1\nmaximum = 2\n[options]\ncores = 1\nmemory = "1 GB"\n'
    mine.write_text(f'{text}local_directory = "{place}"\n[options.scheduler_options]\nhost = "127.0.0.1"\n')
    folder = run(process, data, "slurm", "--executor", "dask", "--cluster", str(mine))
    assert canonical(folder) == reference
    scripts = list(tmp_path.glob("script_*[0-9]"))
    assert 1 <= len(scripts) <= 2
    assert all(
        "--tls-key" in script.read_text() and "ROUTES='[]'" in script.read_text() for script in scripts
    )
    assert not list(place.glob(".na64-tls-*"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--executor", "processes"), "--dashboard goes with workers of this machine: the dask executor"),
        (("--cluster", "slurm"), "--dashboard goes with workers of this machine: the dask executor"),
        ((), "--dashboard needs the package bokeh, which is not installed: it is the extra na64[dashboard]"),
    ],
    ids=" ".join,
)
def test_pages_are_served_of_our_own_workers_alone(
    *,
    data: Path,
    options: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    listed = tmp_path / "c.json"
    assert main(["catalogue", str(data), "--to", str(listed)]) == 0
    line = ["process", str(listed), "--selection", "dimuon_2023", "--to", str(tmp_path / "out")]
    assert main([*line, "--dashboard", *options]) == 2
    assert f"na64: {message}" in capsys.readouterr().err


def test_pages_are_on_the_loopback_address_and_say_no_more_than_they_must() -> None:
    pytest.importorskip("bokeh")
    with DaskBackend(workers=1, dashboard=True) as backend:
        cluster: Any = backend.client.cluster
        port = cluster.scheduler.http_server.port
        assert backend.client.dashboard_link == f"http://127.0.0.1:{port}/status"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=600) as page:
            assert page.status == 200
        for hidden in ("info/main/workers.html", "json/counts.json", "metrics"):
            with pytest.raises(urllib.error.HTTPError, match="404") as refused:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/{hidden}", timeout=600)
            refused.value.close()


def test_clusters_in_the_document_are_understood(tmp_path: Path) -> None:
    for name in ("ca", "cert", "key"):
        (tmp_path / f"{name}.pem").write_text("PEM")
    blocks = re.findall(r"^```toml\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        (tmp_path / "mine.toml").write_text(block)
        assert load_cluster(tmp_path / "mine.toml").kind.value in block
    assert all(f"`{kind.value}`" in DOCUMENT for kind in ClusterKind)
