"""The README's tour, run as it is printed."""

import asyncio
import os
import re
import subprocess
from pathlib import Path

from nrm.system import System

ROOT = Path(__file__).parents[2]


async def test_the_tour_works_as_printed(system: System, tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- tour:begin -->\n```bash\n(.*?)```\n<!-- tour:end -->", text, re.DOTALL)
    assert found
    settings = system.settings
    script = re.sub(r"127\.0\.0\.1:80(\d\d)", lambda m: f"127.0.0.1:{settings.port_base + int(m[1])}", found[1])
    script = script.replace("/tmp/case.json", str(tmp_path / "case.json"))  # noqa: S108 - what the README names
    environment = {**os.environ, "NRM_DATA_DIR": str(settings.data_dir)}
    done = await asyncio.to_thread(
        subprocess.run, ["/bin/bash", "-euo", "pipefail", "-c", script], cwd=ROOT, env=environment,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '"outcome":"victim"' in done.stdout
    assert "org.opennrm.identification.determined.v1" in done.stdout
    assert '"determined"' in done.stdout
