"""Folders for servers: pytest's own lie below one that only root may enter."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A folder that another user may walk through."""
    with private_folder() as path:
        path.chmod(0o711)
        yield path


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder that only its owner may enter."""
    path = Path(tempfile.mkdtemp(prefix="nrm-test-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
