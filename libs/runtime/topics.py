"""The topics as `deploy/kafka/topics.yaml` describes them, under this installation's prefix."""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from libs.runtime.settings import Settings

FILE = Path(__file__).parents[2] / "deploy" / "kafka" / "topics.yaml"
_PREFIX = "nrm."


class Topic(BaseModel):
    """One topic: who writes it, by which key, and how it is kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^nrm\.[a-z]+\.(events|letters)\.v[1-9][0-9]*$")
    owner: str
    key: str
    partitions: int = Field(gt=0)
    retention: Literal["forever"] | int = Field(description="`forever`, or days")
    message_bytes_max: int = Field(gt=0)

    @property
    def configs(self) -> dict[str, str]:
        """What Kafka is told when it creates the topic."""
        retention_ms = -1 if self.retention == "forever" else self.retention * 86_400_000
        return {
            "retention.ms": str(retention_ms),
            "cleanup.policy": "delete",
            "max.message.bytes": str(self.message_bytes_max),
            # Kafka refuses a record whose producer's clock is an hour ahead, unless it puts its own time on it.
            "message.timestamp.type": "LogAppendTime",
        }


def read_topics(settings: Settings, file: Path = FILE) -> tuple[Topic, ...]:
    """Every topic, named with the prefix of the settings. Raises pydantic's error on a file that is not exact."""
    listed = yaml.safe_load(file.read_text(encoding="utf-8"))["topics"]
    topics = tuple(Topic.model_validate(one, strict=True) for one in listed)
    prefixed = (f"{settings.topic_prefix}.{topic.name.removeprefix(_PREFIX)}" for topic in topics)
    return tuple(topic.model_copy(update={"name": name}) for topic, name in zip(topics, prefixed, strict=True))
