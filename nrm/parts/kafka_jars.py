"""Kafka's jars, resolved once by Maven from `deploy/kafka/pom.xml` into `.cache/kafka/<version>`."""

import os
import shutil
import subprocess
from pathlib import Path

from nrm.parts.java import Java
from nrm.parts.processes import PartFailed, PartMissing

VERSION = "4.1.2"
PROJECT = Path(__file__).resolve().parents[2]
POM = PROJECT / "deploy" / "kafka" / "pom.xml"
CACHE = PROJECT / ".cache" / "kafka" / VERSION
INSTALL = (
    "Maven, which fetches Apache Kafka's jars once: `apt install maven`, or start Docker, "
    "or set NRM_KAFKA_BOOTSTRAP_SERVERS to a broker of yours"
)


def jars(runtime: Java) -> Path:
    """The folder with the jars; fetched whole or not at all, so that a broken download leaves nothing behind."""
    if (CACHE / f"kafka_2.13-{VERSION}.jar").exists():
        return CACHE
    maven = shutil.which("mvn")
    if maven is None:
        raise PartMissing(INSTALL)
    partial = CACHE.with_name(f"{VERSION}.{os.getpid()}")
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={partial}", "-DincludeScope=runtime"]
    command = [maven, "--batch-mode", "--quiet", "--strict-checksums", "--file", str(POM), *goal]
    environment = {**os.environ, "JAVA_HOME": str(runtime.home)}
    done = subprocess.run(command, env=environment, capture_output=True, check=False, text=True)  # noqa: S603 - no shell
    if done.returncode != 0:
        shutil.rmtree(partial, ignore_errors=True)
        raise PartFailed(f"Maven could not fetch Kafka's jars: {(done.stdout + done.stderr).strip()[-1500:]}")
    shutil.rmtree(CACHE, ignore_errors=True)
    try:
        partial.replace(CACHE)
    except OSError:  # another start was quicker
        shutil.rmtree(partial, ignore_errors=True)
    return CACHE
