"""A hand-over file as PDF: set by Typst with this folder's fonts alone, so that it looks alike everywhere."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import orjson
import typst

from libs.events.event import JSON

FOLDER: Final = Path(__file__).parent
TEMPLATE: Final = FOLDER / "handover.typ"
_FONTS: Final = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FOLDER / "fonts"])


def pdf_of(file: Mapping[str, JSON], digest: str, signature: str) -> bytes:
    """The file on paper, with the signed file itself attached. The same file gives the same bytes."""
    signed = orjson.dumps({"file": dict(file), "signature": signature}).decode()
    made = typst.compile(
        TEMPLATE,
        root=FOLDER,
        format="pdf",
        font_paths=_FONTS,
        sys_inputs={"signed": signed, "digest": digest},
        timestamp=int(datetime.fromisoformat(str(file["issued_at"])).timestamp()),  # whole seconds are all it takes
    )
    assert isinstance(made, bytes)  # one document, not one image a page
    return made
