"""All sample files, and the truth that was put into them: what an import must say of each line, and who is who."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

from examples.generate.entries import Entry, System, entries
from examples.generate.people import Person, people
from examples.generate.systems import SYSTEMS
from examples.generate.writing import written

SEED = 2011
TRUTH = "truth.json"
STATUSES = ("recorded", "duplicate", "refused", "needs_review")
AGENCY_LINES = 216


def samples() -> dict[str, bytes]:
    """Every file by its name, the truth among them."""
    population = people(SEED)
    counted = [Person(n, "", "", False, date(2000, 1, 1), "", "", date(2010, 1, 1)) for n in range(AGENCY_LINES)]  # noqa: FBT003 - nobody
    files: dict[str, bytes] = {}
    truth: dict[str, Any] = {}
    for system in SYSTEMS:
        made = entries(system, population if system.id != "molvt" else counted, SEED)
        files[system.file] = written(system, made)
        truth[system.id] = _truth(system, made)
    files[TRUTH] = (json.dumps(truth, indent=1, ensure_ascii=False) + "\n").encode()
    return files


def _truth(system: System, made: Sequence[Entry]) -> dict[str, Any]:
    counts = Counter(entry.status for entry in made)
    notes = Counter(rule for entry in made if entry.status == "recorded" for rule in entry.notes)
    reasons = Counter(rule for entry in made for rule in entry.rules)
    return {
        "file": system.file,
        "rows": len(made),
        "trailing_notes": len(system.ends),
        "counts": {status: counts[status] for status in STATUSES},
        "reasons": dict(sorted(reasons.items())),
        "notes": dict(sorted(notes.items())),
        "persons": [entry.person.number if system.id != "molvt" else None for entry in made],
    }
