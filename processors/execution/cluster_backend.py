"""Dask clusters of every kind that `clusters` describes, connected and with our code on the workers."""

from __future__ import annotations

import importlib
import io
import os
import shlex
import shutil
import sys
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dask
from distributed import Client, Security, WorkerPlugin

import na64
from na64.processors.execution.backend import Backend, WorkersLostError, interrupts_blocked
from na64.processors.execution.clusters import Cluster, ClusterKind, Code, Tls
from na64.processors.execution.dask_backend import (
    ENVIRONMENT,
    SETTINGS,
    Connected,
    DaskBackend,
    connect,
    is_private,
    warn_of_preloads,
)
from na64.processors.execution.tasks import package_code
from na64.processors.execution.worker_jobs import QUEUES, JobWatch, refusable

_FOLDERS = ("datasets", "processors", "selections")
_NOT_NEEDED = (".npz", ".pyc")
_PATIENCE = 60.0
_ROLES = ("client", "scheduler", "worker")

# Jobs do not have the settings of the driver, so that they are given to them by their environment.
_SET = {
    f"DASK_{name.upper().replace('-', '_').replace('.', '__')}": value
    for name, value in SETTINGS.items()
    if name.startswith(("distributed.worker.", "distributed.admin.", "distributed.nanny.preload"))
}
_KEPT = ("PYTHONPATH", "LD_LIBRARY_PATH")
EXPORTS = [f"export {name}='{value}'" for name, value in (ENVIRONMENT | _SET).items()]


def open_cluster(cluster: Cluster, *, workers: int = 1, memory: int | None = None) -> Backend:
    """Return the backend of a cluster; the workers are asked for when the first task is.

    Parameters
    ----------
    cluster : Cluster
    workers : int
        If the cluster does not say how many.
    memory : int or None, bytes
        Of a worker on this machine.
    """
    n_workers = cluster.maximum or workers
    if cluster.kind is ClusterKind.LOCAL:
        return DaskBackend(workers=n_workers, memory=memory)
    if cluster.kind is ClusterKind.ADDRESS:
        _refuse_plain(cluster, cluster.address)
        return DaskBackend(opener=partial(_connect, cluster), patience=cluster.patience)
    return DaskBackend(opener=partial(_make, cluster, n_workers), patience=cluster.patience)


def _connect(cluster: Cluster) -> Connected:
    security = None if cluster.tls is None else _security(cluster.tls)
    try:
        client = connect(cluster.address, security=security, timeout=_PATIENCE)
    except (OSError, TimeoutError, TypeError) as error:  # TypeError: encryption without certificates
        why = type(error).__name__
        raise WorkersLostError(f"no scheduler answers at {cluster.address} ({why})") from None
    _send_code(cluster, client)
    return Connected(client)


def _make(cluster: Cluster, n_workers: int) -> Connected:
    warn_of_preloads()
    with ExitStack() as stack:
        with dask.config.set(SETTINGS), interrupts_blocked():
            made = _MAKERS[cluster.kind](cluster, stack)
            stack.callback(made.close)
        _refuse_plain(cluster, made.scheduler_address)
        client = (
            made.get_client(set_as_default=False) if cluster.kind is ClusterKind.GATEWAY else _client(made)
        )
        _scale(cluster, made, n_workers)
        _send_code(cluster, client)
        revive = None if cluster.is_adaptive else partial(made.scale, n_workers)
        queue = QUEUES.get(cluster.kind)
        jobs = None if queue is None else JobWatch(cluster.name, made, queue)
        return Connected(client, revive=revive, jobs=jobs, end=stack.pop_all().close)


def _client(made: Any) -> Client:
    return connect(made, timeout=_PATIENCE)


def _scale(cluster: Cluster, made: Any, n_workers: int) -> None:
    if cluster.is_adaptive:
        made.adapt(minimum=cluster.minimum or 1, maximum=n_workers)
    else:
        made.scale(n_workers)


def _send_code(cluster: Cluster, client: Client) -> None:
    if cluster.code is Code.UPLOAD:
        client.register_plugin(installer(package_archive(), package_code()))


def _make_queue(module: str, name: str, command: str, cluster: Cluster, stack: ExitStack) -> Any:
    """Start a scheduler in this process whose workers are jobs of a batch system."""
    maker = getattr(_load(module, cluster), name)
    if shutil.which(command) is None:
        raise ValueError(f"cluster {cluster.name}: {command} is not on this machine")
    options: dict[str, Any] = dict(cluster.options)
    shared = options.pop("shared_temp_directory", None)
    options.setdefault("python", shlex.quote(sys.executable))
    if "local_directory" in options:
        options["local_directory"] = shlex.quote(str(options["local_directory"]))
    options["job_script_prologue"] = [*EXPORTS, *_kept(), *options.get("job_script_prologue", [])]
    closed = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    options["scheduler_options"] = options.get("scheduler_options", {}) | closed
    if not cluster.insecure:
        tls = cluster.tls or _temporary(stack, shared)
        options |= {"security": _security(tls, _Quoted), "protocol": "tls://"}
    return maker(job_cls=refusable(maker.job_cls), **options)


def _kept() -> list[str]:
    """Hand variables on to jobs that a batch system may start without any."""
    return [f"export {name}={shlex.quote(os.environ[name])}" for name in _KEPT if os.environ.get(name)]


class _Quoted(Security):
    """Encryption whose files a shell is told of: dask-jobqueue writes them into a job script as they are."""

    def get_tls_config_for_role(self, role: str) -> dict[str, Any]:
        found: dict[str, Any] = super().get_tls_config_for_role(role)  # type: ignore[no-untyped-call]
        return (
            {name: value and shlex.quote(value) for name, value in found.items()}
            if role == "worker"
            else found
        )


def _make_pods(cluster: Cluster, _stack: ExitStack) -> Any:
    maker = _load("dask_kubernetes.operator", cluster).KubeCluster
    return maker(n_workers=cluster.minimum or 1, **cluster.options)


def _make_at_gateway(cluster: Cluster, _stack: ExitStack) -> Any:
    return _load("dask_gateway", cluster).GatewayCluster(**cluster.options)


def _security(tls: Tls, kind: type[Security] = Security) -> Security:
    pair = (("cert", str(tls.cert)), ("key", str(tls.key)))
    roles = {f"tls_{role}_{part}": path for role in _ROLES for part, path in pair}
    return kind(tls_ca_file=str(tls.ca), require_encryption=True, **roles)


def _temporary(stack: ExitStack, shared: str | None) -> Tls:
    """Write certificates of one cluster where its workers see them and nobody else does, while it lives."""
    place = TemporaryDirectory(prefix=".na64-tls-", dir=shared or Path.cwd())
    folder, security = Path(stack.enter_context(place)), Security.temporary()
    texts = {
        "ca": security.tls_ca_file,
        "cert": security.tls_worker_cert,
        "key": security.tls_worker_key,
    }
    for name, text in texts.items():
        (folder / f"{name}.pem").write_text(text)
    return Tls(*(folder / f"{name}.pem" for name in texts))


def _load(module: str, cluster: Cluster) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        package = module.partition(".")[0].replace("_", "-")
        raise ValueError(
            f"cluster {cluster.name} needs the package {package}, which is not installed"
        ) from None


def _refuse_plain(cluster: Cluster, address: str) -> None:
    if not cluster.insecure and not is_private(address):
        raise ValueError(
            f"cluster {cluster.name}: scheduler {address} is on another host and not encrypted: "
            f"expected a tls:// address, or insecure = true"
        )


_MAKERS: dict[ClusterKind, Callable[[Cluster, ExitStack], Any]] = {
    ClusterKind.HTCONDOR: partial(_make_queue, "dask_jobqueue", "HTCondorCluster", "condor_submit"),
    ClusterKind.SLURM: partial(_make_queue, "dask_jobqueue", "SLURMCluster", "sbatch"),
    ClusterKind.LXPLUS: partial(_make_queue, "dask_lxplus", "CernCluster", "condor_submit"),
    ClusterKind.KUBERNETES: _make_pods,
    ClusterKind.GATEWAY: _make_at_gateway,
}


def package_archive() -> bytes:
    """Return what workers need of this package as a zip file; equal code gives equal bytes."""
    root = Path(na64.__file__).parent
    inside = (path for folder in _FOLDERS for path in (root / folder).rglob("*") if path.is_file())
    wanted = [path for path in inside if path.suffix not in _NOT_NEEDED]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted([root / "__init__.py", *wanted]):
            name = zipfile.ZipInfo(f"na64/{path.relative_to(root).as_posix()}")
            archive.writestr(name, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def installer(archive: bytes, digest: str) -> WorkerPlugin:
    """Return a plug-in that puts an archive before whatever na64 a worker would find.

    Its class travels by value: the worker may have no na64. A worker that has loaded another one keeps that,
    and is found out when it is asked for its code.
    """

    class Installer(WorkerPlugin):
        name = f"na64-code-{digest[:12]}"

        def setup(self, worker: Any) -> None:
            import io  # noqa: PLC0415
            import os  # noqa: PLC0415
            import sys  # noqa: PLC0415
            import zipfile  # noqa: PLC0415

            folder = os.path.join(worker.local_directory, f"na64-code-{digest[:12]}")  # noqa: PTH118
            zipfile.ZipFile(io.BytesIO(archive)).extractall(folder)
            sys.path.insert(0, folder)

    return Installer()
