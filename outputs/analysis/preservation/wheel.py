"""A wheel of this program, made of the files that run: nothing is built or fetched for it."""

from __future__ import annotations

import io
import tomllib
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import na64

_PACKAGE = Path(na64.__file__).parent
_NAME = "na64"
_TAG = "Root-Is-Purelib: true\nTag: py3-none-any\n"
_TIME = (1980, 1, 1, 0, 0, 0)


def wheel_of_program(package: Path = _PACKAGE) -> tuple[str, bytes]:
    """Name and content of a wheel (PEP 427) that installs what is running; the same for the same files.

    Beside the sources, `pyproject.toml` says which files belong to the package; an installed package is
    taken as it lies there.

    Parameters
    ----------
    package : Path
        Folder of the package.

    Raises
    ------
    FileNotFoundError
        There are no sources and the package is not installed either, so that nothing says what it needs.
    """
    project = _project(package)
    if project is None:
        files, described = dict(_installed(package)), _metadata_of_installed(package)
    else:
        files, described = dict(_of_sources(package, project)), _metadata_of(package, project["project"])
    folder = f"{_NAME}-{na64.__version__}.dist-info"
    files |= {f"{folder}/{name}": text.encode() for name, text in described.items()}
    made_by = f"Generator: {_NAME} {na64.__version__}"
    files[f"{folder}/WHEEL"] = f"Wheel-Version: 1.0\n{made_by}\n{_TAG}".encode()
    record = f"{folder}/RECORD"
    lines = [f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in sorted(files.items())]
    files[record] = "".join([*lines, f"{record},,\n"]).encode()
    return f"{_NAME}-{na64.__version__}-py3-none-any.whl", _zipped(files)


def requirements_of_program(package: Path = _PACKAGE) -> list[str]:
    """Requirements of the program, those of its extras with a marker, as packages state them.

    Raises
    ------
    FileNotFoundError
        As of `wheel_of_program`.
    """
    project = _project(package)
    if project is None:
        return distribution_of(package).requires or []
    return _requirements(project["project"])


def _project(package: Path) -> dict[str, Any] | None:
    """Content of `pyproject.toml` of the sources that run; None if the package is installed."""
    path = package / "pyproject.toml"
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        return tomllib.load(stream)


def _of_sources(package: Path, project: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    listed = project["tool"]["setuptools"]
    for name in listed["packages"]:
        folder = package.joinpath(*name.split(".")[1:])
        for pattern in ("*.py", *listed["package-data"].get(name, ())):
            for path in sorted(folder.glob(pattern)):
                yield f"{name.replace('.', '/')}/{path.name}", path.read_bytes()


def _installed(package: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield f"{_NAME}/{path.relative_to(package).as_posix()}", path.read_bytes()


def _metadata_of(package: Path, project: Mapping[str, Any]) -> dict[str, str]:
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {project['name']}",
        f"Version: {na64.__version__}",
        f"Summary: {project['description']}",
        f"License-Expression: {project['license']}",
        *(f"License-File: {name}" for name in project["license-files"]),
        f"Requires-Python: {project['requires-python']}",
        *(f"Provides-Extra: {name}" for name in project["optional-dependencies"]),
        *(f"Requires-Dist: {line}" for line in _requirements(project)),
    ]
    scripts = [f"{name} = {place}" for name, place in project["scripts"].items()]
    return {
        "METADATA": "".join(f"{line}\n" for line in lines),
        "entry_points.txt": "".join(f"{line}\n" for line in ["[console_scripts]", *scripts]),
        **{f"licenses/{name}": (package / name).read_text() for name in project["license-files"]},
    }


def _requirements(project: Mapping[str, Any]) -> list[str]:
    extras = project["optional-dependencies"].items()
    optional = [f'{line}; extra == "{name}"' for name, lines in extras for line in lines]
    return [*project["dependencies"], *optional]


def _metadata_of_installed(package: Path) -> dict[str, str]:
    found = distribution_of(package)
    texts = {name: found.read_text(name) for name in ("METADATA", "entry_points.txt", "licenses/LICENSE")}
    return {name: text for name, text in texts.items() if text}


def distribution_of(package: Path) -> Any:
    """What the environment knows of the package that runs.

    Raises
    ------
    FileNotFoundError
        Nothing, or it is of another copy.
    """
    try:
        found = distribution(_NAME)
        if Path(str(found.locate_file(_NAME))).resolve() == package.resolve():
            return found
    except PackageNotFoundError:
        pass
    raise FileNotFoundError(
        "the program that runs is neither installed nor beside its pyproject.toml: nothing says what it "
        "needs, so that no wheel can be made; install it, and bundle again"
    )


def _digest(data: bytes) -> str:
    return urlsafe_b64encode(sha256(data).digest()).rstrip(b"=").decode()


def _zipped(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _TIME)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            archive.writestr(entry, data)
    return stream.getvalue()
