"""`python -m examples.generate`: writes the sample files of `examples/imports/` and their truth anew."""

import sys
from pathlib import Path

from examples.generate.samples import samples

FOLDER = Path(__file__).resolve().parents[1] / "imports"

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, content in samples().items():
        (FOLDER / name).write_bytes(content)
        sys.stdout.write(f"{name} {len(content)} bytes\n")
