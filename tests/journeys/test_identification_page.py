"""docs/identification.md, run as it is printed."""

import asyncio
import os
import re
import subprocess
from pathlib import Path

from nrm.system import System

ROOT = Path(__file__).parents[2]


async def test_the_way_works_as_printed(system: System) -> None:
    text = (ROOT / "docs/identification.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- way:begin -->\n```bash\n(.*?)```\n<!-- way:end -->", text, re.DOTALL)
    shown = re.search(r"```console\n(.*?)```", text, re.DOTALL)
    assert found
    assert shown
    script = found[1].replace("127.0.0.1:8001", f"127.0.0.1:{system.settings.port('identification')}")
    environment = {**os.environ, "NRM_DATA_DIR": str(system.settings.data_dir)}
    done = await asyncio.to_thread(
        subprocess.run, ["/bin/bash", "-euo", "pipefail", "-c", script], cwd=ROOT, env=environment,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    reference = re.compile(r"KH-[0-9A-Z]{4}-[0-9A-Z]{4}")
    assert reference.sub("KH-…", done.stdout) == reference.sub("KH-…", shown[1])
