"""Where a Dask cluster comes from, as a TOML file says: this machine, an address, or a batch system.

```toml
[cluster]
kind = "slurm"            # local, address, htcondor, slurm, lxplus, kubernetes, gateway
workers = 10              # or minimum and maximum: as many as there is work for
code = "shared"           # what workers run: the same environment or image, or "upload"

[options]                 # of the class that makes the workers, as it calls them
cores = 1
memory = "3 GB"
```
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from na64.datasets.basics.packaged import PackagedFiles
from na64.datasets.basics.toml import TomlTable, load_table, unknown

Choice = TypeVar("Choice", bound=Enum)

_PACKAGED = PackagedFiles("cluster", files("na64.processors.execution") / "clusters")


class ClusterKind(Enum):
    """Who makes the workers."""

    LOCAL = "local"
    ADDRESS = "address"
    HTCONDOR = "htcondor"
    SLURM = "slurm"
    LXPLUS = "lxplus"
    KUBERNETES = "kubernetes"
    GATEWAY = "gateway"


class Code(Enum):
    """How workers come by the code of the driver."""

    SHARED = "shared"
    UPLOAD = "upload"


@dataclass(frozen=True, slots=True)
class Tls:
    """Files, in PEM form, that both ends of an encrypted connection need."""

    ca: Path
    cert: Path
    key: Path

    def __post_init__(self) -> None:
        for path in (self.ca, self.cert, self.key):
            if not path.is_file():
                raise ValueError(f"{path}: no such file, expected a certificate or key in PEM form")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that is described and not yet there.

    Attributes
    ----------
    name : str
    kind : ClusterKind
    address : str
        Of a scheduler that exists; of kind address only.
    minimum, maximum : int or None
        Workers; equal: always that many; None: as `--workers` says.
    code : Code
    tls : Tls or None
        None: certificates of its own for every cluster that is made here.
    insecure : bool
        Do not ask for encryption: everybody who reaches the scheduler can run code as its owner.
    patience : float, s
        How long to wait for a first worker.
    options : mapping
        Keyword arguments of the class that makes the workers.
    """

    name: str
    kind: ClusterKind
    address: str = ""
    minimum: int | None = None
    maximum: int | None = None
    code: Code = Code.SHARED
    tls: Tls | None = None
    insecure: bool = False
    patience: float = 600.0
    options: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.kind is ClusterKind.ADDRESS) != bool(self.address):
            raise ValueError(f"cluster {self.name}: an address belongs to kind address, and to no other")
        if self.kind in (ClusterKind.LOCAL, ClusterKind.ADDRESS) and self.options:
            raise ValueError(f"cluster {self.name}: no options are known for kind {self.kind.value}")
        low = 1 if self.minimum is None else self.minimum
        high = low if self.maximum is None else self.maximum
        if not 1 <= low <= high:
            raise ValueError(f"cluster {self.name}: workers are {low} to {high}, expected at least 1")
        if self.patience <= 0:
            raise ValueError(f"cluster {self.name}: patience is {self.patience} s, expected more than 0")

    @property
    def is_adaptive(self) -> bool:
        """Whether the number of workers follows the work."""
        return self.minimum != self.maximum


CLUSTERS = _PACKAGED.names
"""Names of the packaged clusters."""


def load_cluster(name_or_path: str | Path) -> Cluster:
    """Load a packaged cluster by name, or any by the path of its TOML file.

    Raises
    ------
    KeyError
        No such packaged cluster, or an unknown or missing key in the file.
    ValueError
        A value of the file that is not allowed.
    """
    source = _PACKAGED.find(name_or_path)
    folder = source.parent if isinstance(source, Path) else Path()
    table = load_table(source)
    main, tls = table.table("cluster"), table.table("tls", None)
    options = table.table("options", None)
    workers = main.integer("workers", None)
    if workers is not None and (main.has("minimum") or main.has("maximum")):
        raise ValueError(f"{main.place()}: workers, or minimum and maximum, not both")
    cluster = Cluster(
        name=source.name.removesuffix(".toml"),
        kind=_one_of(ClusterKind, main, "kind"),
        address=main.text("address", ""),
        minimum=main.integer("minimum", workers),
        maximum=main.integer("maximum", workers),
        code=_one_of(Code, main, "code") if main.has("code") else Code.SHARED,
        tls=None if tls is None else Tls(*(folder / tls.text(key) for key in ("ca", "cert", "key"))),
        insecure=main.flag("insecure", False),
        patience=main.number("patience", 600.0),
        options={} if options is None else options.anything(),
    )
    table.done()
    return cluster


def _one_of(kind: type[Choice], table: TomlTable, key: str) -> Choice:
    known = [member.value for member in kind]
    text = table.text(key)
    if text not in known:
        raise ValueError(f"{table.place(key)}: {unknown(key, text, known)}")
    return kind(text)
