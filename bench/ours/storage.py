"""What an event costs in storage, in every place where it stands: the unit costs of docs/scale.md."""

from pathlib import Path

import asyncpg

from bench.measure import Figure, Scale
from libs.runtime.settings import SERVICES, Settings

_SIZES = """
SELECT n.nspname AS schema, sum(pg_total_relation_size(c.oid))::bigint AS bytes
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' GROUP BY 1
"""


async def figures(settings: Settings, _: Scale) -> list[Figure]:
    """Bytes per event of the long log, tables and their indexes; Kafka's folder as it stands."""
    connection = await asyncpg.connect(settings.database_url)
    try:
        events = sum([await connection.fetchval(f"SELECT count(*) FROM {service}.event") for service in SERVICES])
        sizes = {row["schema"]: row["bytes"] for row in await connection.fetch(_SIZES)}
    finally:
        await connection.close()
    places = {
        "stores, with positions and answers": sum(sizes[service] for service in SERVICES),
        "transparency log": sizes["transparency"],
        "history (audit_trail)": _rows(sizes, "audit_trail"),
        **{name: _rows(sizes, name) for name in ("shelter_capacity", "court_outcomes", "cross_border", "statistics")},
        "Kafka": _topics(settings.data_dir / "kafka"),
    }
    return [Figure("storage per event", name, "bytes", (size / events,)) for name, size in places.items()]


def _topics(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*.log"))


def _rows(sizes: dict[str, int], projection: str) -> int:
    """The rows of a projection stand in the schema of its generation."""
    return sum(size for schema, size in sizes.items() if schema.startswith(f"{projection}_g"))
