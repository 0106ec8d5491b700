"""The handler's own modules, which may be edited at any moment.

Python takes a compiled module for up to date if its source has the size and the second that are written in it. So of
two edits within a second that don't change the size the later one would never be seen.
"""

import os
import sys
import time
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from typing import Any

#: Seconds after which another edit is one of another second, also where a file system counts by two.
SETTLED = 3.0


class Loader(SourceFileLoader):
    """Keeps no compiled module of a source that was just edited."""

    def set_data(self, path: str, data: Any, **more: Any) -> None:
        try:
            age = time.time() - os.stat(self.path).st_mtime
        except OSError:
            return
        if age > SETTLED:
            super().set_data(path, data, **more)


def add(folder: str) -> None:
    """Makes the modules in this folder importable, before all others."""

    def hook(path: str) -> FileFinder:
        if path != folder and not path.startswith(folder + os.sep):
            raise ImportError(f"'{path}' is not in the handler's folder")
        return FileFinder(
            path,
            (ExtensionFileLoader, EXTENSION_SUFFIXES),
            (Loader, SOURCE_SUFFIXES),
            (SourcelessFileLoader, BYTECODE_SUFFIXES),
        )

    sys.path_hooks.insert(0, hook)
    sys.path_importer_cache.pop(folder, None)
    sys.path.insert(0, folder)
