"""The tours of the README and of the ministries' guide, run as they are printed."""

import asyncio
import os
import re
import subprocess
from pathlib import Path

import pytest

from nrm.system import System

ROOT = Path(__file__).parents[2]


TOURS = {
    "README.md": ['"outcome":"victim"', "org.opennrm.identification.determined.v1", '"determined"'],
    "docs/ministry.md": [
        '"status":"approved"', "idempotent-replayed: true", "problem:version-moved", '"/colour"', "sex,age_group",
    ],
}  # fmt: skip


@pytest.mark.parametrize("document", TOURS)
async def test_a_tour_works_as_printed(system: System, tmp_path: Path, document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    found = re.search(r"<!-- tour:begin -->\n```bash\n(.*?)```\n<!-- tour:end -->", text, re.DOTALL)
    assert found
    settings = system.settings
    script = re.sub(r"127\.0\.0\.1:80(\d\d)", lambda m: f"127.0.0.1:{settings.port_base + int(m[1])}", found[1])
    script = script.replace("/tmp/", f"{tmp_path}/")  # noqa: S108 - what the tours name
    environment = {**os.environ, "NRM_DATA_DIR": str(settings.data_dir)}
    done = await asyncio.to_thread(
        subprocess.run, ["/bin/bash", "-euo", "pipefail", "-c", script], cwd=ROOT, env=environment,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [text for text in TOURS[document] if text not in done.stdout] == []
