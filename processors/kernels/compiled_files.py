"""Files of compiled kernels: one for each set of argument types, named after them.

numba numbers them, and looks numbers up in an index that it reads before it compiles and writes after. Two
processes that compile a kernel at the same time for other types then give both the same number: what one
wrote is read as the code of the other one's types. That is wrong numbers, or a crash, in every process since.
"""

from __future__ import annotations

import hashlib
import pickle
from typing import Any

from numba.core.caching import IndexDataCacheFile


class FilesByTypes(IndexDataCacheFile):  # type: ignore[misc]
    """Files of a kernel without an index: equal types, machine and source are one file, others never are."""

    def save(self, key: Any, data: Any) -> None:
        """Keep the code for a key: types of arguments, machine, bytecode."""
        self._save_data(self._name_of(key), data)

    def load(self, key: Any) -> Any:
        """Load the code for a key; None if there is none, or what is there was cut off."""
        try:
            return self._load_data(self._name_of(key))
        except (OSError, EOFError, pickle.UnpicklingError):
            return None

    def _name_of(self, key: Any) -> str:
        what = repr((self._version, self._source_stamp, key))
        kernel = self._index_name.removesuffix(".nbi")
        return f"{kernel}.{hashlib.sha256(what.encode()).hexdigest()[:32]}.nbc"


def keep_by_types(compiled: Any) -> None:
    """Let a kernel that numba keeps on disk be kept in files named after its types."""
    cache = compiled._cache
    numbered = cache._cache_file
    kernel = numbered._index_name.removesuffix(".nbi")
    cache._cache_file = FilesByTypes(numbered._cache_path, kernel, numbered._source_stamp)
