"""Files of compiled kernels: one for each set of argument types, named after them.

numba numbers them, and looks numbers up in an index that it reads before it compiles and writes after. Two
processes that compile a kernel at the same time for other types then give both the same number: what one
wrote is read as the code of the other one's types. That is wrong numbers, or a crash, in every process since.
So is a file that a disk has damaged, or that was copied over another: each has a checksum, and its own name.
"""

from __future__ import annotations

import hashlib
import inspect
import io
import logging
import pickle
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile
from numba.core.environment import Environment
from numba.core.runtime import rtsys

_CHECKSUM = hashlib.sha256().digest_size  # bytes

_log = logging.getLogger(__name__)


class FilesByTypes(IndexDataCacheFile):  # type: ignore[misc]
    """Files of a kernel without an index: equal types, machine and source are one file, others never are."""

    def save(self, key: Any, data: Any) -> None:
        """Keep the code for a key: types of arguments, machine, bytecode."""
        name = self._name_of(key)
        self._save_data(name, (name, data))

    def load(self, key: Any) -> Any:
        """Load the code for a key; None if there is none, or what is there is not just what was kept."""
        name = self._name_of(key)
        try:
            stored = Path(self._data_path(name)).read_bytes()
        except OSError:
            return None
        checksum, content = stored[:_CHECKSUM], stored[_CHECKSUM:]
        if hashlib.sha256(content).digest() != checksum:
            return None
        kept_as, data = _Unpickler(io.BytesIO(content)).load()
        return data if kept_as == name else None

    def _dump(self, obj: Any) -> bytes:
        content: bytes = super()._dump(obj)
        return hashlib.sha256(content).digest() + content

    def _name_of(self, key: Any) -> str:
        what = repr((self._version, self._source_stamp, key))
        kernel = self._index_name.removesuffix(".nbi")
        return f"{kernel}.{hashlib.sha256(what.encode()).hexdigest()[:32]}.nbc"


class _Unpickler(pickle.Unpickler):
    """Reads machine code without importing the modules that its parts were written in.

    An environment has the constants of a function and the names of its module. Only code that calls Python
    looks these up, and a kernel never does; they are half of numba, and part of scipy.
    """

    def find_class(self, module: str, name: str) -> Any:
        """Stand in for the one function that imports them."""
        if (module, name) == ("numba.core.environment", "_rebuild_env"):
            return _rebuild_environment
        return super().find_class(module, name)


def _rebuild_environment(_module: str, constants: list[object], name: str) -> Environment:
    environment = Environment({})
    environment.consts[:] = constants
    environment.env_name = name
    return environment


class _Place:
    """Place of a kernel in a folder, as numba asks for it."""

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        self._py_file = inspect.getfile(function)  # numba names it if a function cannot be kept
        self._source = Path(self._py_file)
        self._line = function.__code__.co_firstlineno
        whose = hashlib.sha256(str(self._source.parent).encode()).hexdigest()
        self._folder = folder / f"{self._source.parent.name}_{whose[:16]}"

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> str:
        return hashlib.sha256(self._source.read_bytes()).hexdigest()

    def get_disambiguator(self) -> str:
        return str(self._line)

    def ensure_cache_path(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)


class _Kept(CompileResultCacheImpl):  # type: ignore[misc]
    """A kernel in a folder that is given: numba would ask settings of the process, which others have too."""

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        self._lineno = function.__code__.co_firstlineno
        self._locator = _Place(function, folder)
        source = Path(inspect.getfile(function)).stem
        self._filename_base = self.get_filename_base(f"{source}.{function.__qualname__}", "")


class KeptKernel(FunctionCache):  # type: ignore[misc]
    """Machine code of a kernel on disk, in files named after its types.

    Parameters
    ----------
    function : callable
    folder : Path
    """

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        self._impl_class = partial(_Kept, folder=folder)
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = FilesByTypes(self._cache_path, self._impl.filename_base, stamp)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Load machine code, for which numba need not know all that it can compile: half a second."""
        rtsys.initialize(target_context)
        return self._load_overload(sig, target_context)

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep machine code; a full disk is no reason not to run it."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _tell_once(self._cache_path, error.strerror)


@cache
def _tell_once(folder: str, why: str | None) -> None:
    _log.warning("kernels are compiled in each process: they cannot be kept in %s: %s", folder, why)
