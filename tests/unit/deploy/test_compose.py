"""What can be known of the deployment without a container engine: that it parses, fits the code, and is locked."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from libs.runtime.settings import PROCESSES, Settings
from nrm.parts.docker import KAFKA_IMAGE, POSTGRES_IMAGE, kafka_environment
from nrm.system import MODULES

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
TAGGED = re.compile(r"[\w./-]+:[\w.-]*\d[\w.-]*(@sha256:[0-9a-f]{64})?")
SETTINGS = Settings.model_construct(**{name: field.default for name, field in Settings.model_fields.items()})


@pytest.mark.parametrize("process", PROCESSES)
def test_every_process_runs_its_module_and_is_asked_at_its_own_port(process: str) -> None:
    service = SERVICES[process]
    assert service["command"] == ["python", "-m", MODULES[process]]
    assert service["healthcheck"]["test"][-1] == str(SETTINGS.port(process))
    assert service["environment"]["NRM_BIND"] == "0.0.0.0"  # noqa: S104 - inside a container
    assert "NRM_PORT_BASE" not in service["environment"]


def test_the_migration_is_one_shot_and_everything_with_a_role_waits_for_it() -> None:
    migrate = SERVICES["migrate"]
    assert migrate["command"] == ["python", "-m", "nrm.migrate"]
    assert migrate["restart"] == "no"
    assert {name: how["condition"] for name, how in migrate["depends_on"].items()} == {
        "postgres": "service_healthy", "kafka": "service_healthy",
    }  # fmt: skip
    for process in set(PROCESSES) - {"portal"}:
        assert SERVICES[process]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_nothing_else_runs() -> None:
    assert set(SERVICES) == {*PROCESSES, "migrate", "postgres", "kafka", "collector", "proxy"}


@pytest.mark.parametrize("name", SERVICES)
def test_no_container_is_root_or_can_become_it(name: str) -> None:
    service = SERVICES[name]
    user, _, group = service["user"].partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    for never in ("privileged", "network_mode", "pid", "ipc", "devices", "userns_mode"):
        assert never not in service
    assert not any("docker.sock" in str(volume) for volume in service.get("volumes", []))


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_has_limits_and_ends_its_logs(name: str) -> None:
    limits = SERVICES[name]["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory", "pids"}
    assert "max-size" in SERVICES[name]["logging"]["options"]


@pytest.mark.parametrize("name", set(SERVICES) - {"migrate", "collector"})
def test_every_long_running_container_says_whether_it_is_healthy(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned(name: str) -> None:
    image = SERVICES[name]["image"]
    assert TAGGED.fullmatch(image), image
    assert "latest" not in image


def test_the_images_are_those_of_the_local_run_and_of_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {SERVICES[process]["image"] for process in (*PROCESSES, "migrate")} == {f"opennrm:{project['version']}"}
    assert SERVICES["postgres"]["image"].startswith(f"{POSTGRES_IMAGE}.")
    assert SERVICES["kafka"]["image"] == KAFKA_IMAGE


def test_kafka_has_the_local_runs_settings() -> None:
    assert SERVICES["kafka"]["environment"] == kafka_environment("kafka:9092")


def test_postgresql_has_the_local_runs_settings() -> None:
    source = (ROOT / "nrm" / "parts" / "docker.py").read_text(encoding="utf-8")
    assert f'"{SERVICES["postgres"]["command"]}"' in source
    assert f'"{SERVICES["postgres"]["environment"]["POSTGRES_INITDB_ARGS"]}"' in source


@pytest.mark.parametrize("name", SERVICES)
def test_secrets_come_as_files_and_only_to_who_needs_them(name: str) -> None:
    environment = SERVICES[name].get("environment", {})
    assert not {"NRM_ROLE_SECRET", "NRM_MASTER_KEY", "POSTGRES_PASSWORD"} & set(environment)
    assert "@" not in environment.get("NRM_DATABASE_URL", "")
    given = _secrets_of(name)
    assert given <= set(COMPOSE["secrets"])
    assert "nrm_role_secret" not in given or name in {"migrate", "views"}  # webhook secrets derive from it in views
    assert ("nrm_database_url" in given) == (name == "migrate")
    assert "nrm_master_key" not in given or name in {*PROCESSES} - {"portal", "views", "relay"}
    assert {one for one in given if one.endswith("_password") and one.startswith("nrm_")} == (
        {f"nrm_{name}_password"} if name in {*PROCESSES} - {"portal"} else set()
    )


def _secrets_of(name: str) -> set[str]:
    return {one if isinstance(one, str) else one["source"] for one in SERVICES[name].get("secrets", [])}


def test_secrets_are_kept_out_of_git_and_of_the_image() -> None:
    assert "secrets/" in (DEPLOY / ".gitignore").read_text(encoding="utf-8").splitlines()
    admitted = (DEPLOY / "Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in admitted
    assert not any("secret" in line for line in admitted if line.startswith("!"))
    made = (DEPLOY / "new-secrets").read_text(encoding="utf-8")
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": f"./secrets/{name}"}
        role = re.fullmatch(r"nrm_([a-z]+)_password", name)
        assert f"keep {name} " in made or (role and f" {role[1]} " in made.replace(";", " "))


def test_the_database_and_the_broker_have_no_way_out_and_no_port_outside() -> None:
    assert COMPOSE["networks"]["data"]["internal"] is True
    for name in ("postgres", "kafka"):
        assert SERVICES[name]["networks"] == ["data"]
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"proxy", "collector"}
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["collector"]["ports"])


def test_every_variable_is_one_that_is_read() -> None:
    known = {f"NRM_{name.upper()}" for name in Settings.model_fields} | {"NRM_SECRETS_DIR"}
    for process in (*PROCESSES, "migrate"):
        ours = {name for name in SERVICES[process]["environment"] if name.startswith("NRM_")}
        assert ours <= known


def test_the_trial_changes_only_where_tokens_come_from() -> None:
    trial = yaml.safe_load((DEPLOY / "compose.trial.yaml").read_text(encoding="utf-8"))["services"]
    assert set(trial) == set(PROCESSES) - {"relay"}
    for service in trial.values():
        assert set(service) == {"environment", "volumes"}
        assert service["environment"] == {"NRM_JWKS_URL": ""}


def test_the_collector_gathers_from_every_process() -> None:
    collector = yaml.safe_load((DEPLOY / "otel" / "collector.yaml").read_text(encoding="utf-8"))
    targets = collector["receivers"]["prometheus"]["config"]["scrape_configs"][0]["static_configs"][0]["targets"]
    assert targets == [f"{process}:{SETTINGS.port(process)}" for process in PROCESSES]
    for pipeline in collector["service"]["pipelines"].values():
        for part in ("receivers", "processors", "exporters"):
            assert set(pipeline[part]) <= set(collector[part])
        assert pipeline["processors"][0] == "memory_limiter"


def test_the_front_door_leads_to_every_process_but_the_relay() -> None:
    caddyfile = (DEPLOY / "proxy" / "Caddyfile").read_text(encoding="utf-8")
    led = dict(re.findall(r"import process ([a-z]+):(\d+)", caddyfile))
    assert led == {process: str(SETTINGS.port(process)) for process in PROCESSES if process != "relay"}
    for process in set(led) - {"portal"}:
        assert f"@{process} host {process}.{{$NRM_PUBLIC_HOST}}" in caddyfile
    assert "@inside path /metrics" in caddyfile


def test_the_topics_of_the_file_and_of_the_migration_are_the_same() -> None:
    from libs.runtime.settings import SERVICES as OWNERS  # noqa: PLC0415 - the name is the compose file's here
    from libs.runtime.topics import read_topics  # noqa: PLC0415 - beside the one test that needs it

    topics = {topic.owner: topic for topic in read_topics(SETTINGS)}
    expected = {owner: SETTINGS.topic(owner) for owner in OWNERS} | {"every projection": SETTINGS.dead_letters}
    assert {owner: topic.name for owner, topic in topics.items()} == expected
    for topic in topics.values():
        assert topic.configs["retention.ms"] == "-1"
        assert int(topic.configs["max.message.bytes"]) >= 65_535
    other = SETTINGS.model_copy(update={"topic_prefix": "t1"})
    assert read_topics(other)[0].name == "t1.identification.events.v1"


def test_the_image_is_built_from_the_lock_and_ends_without_tools() -> None:
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    stages = re.split(r"(?m)^FROM ", text)[1:]
    assert [stage.split(" AS ")[1].split()[0] for stage in stages] == ["packages", "code", "final"]
    assert all(TAGGED.fullmatch(stage.split()[0]) for stage in stages)
    assert "uv sync --frozen" in stages[0]
    assert "--no-build" in stages[0]
    final = stages[2]
    assert "USER 65532:65532" in final
    assert "pip*" in final
    for tool in ("apt-get", "gcc", "uv sync", "COPY --from=ghcr"):
        assert tool not in final


def test_the_image_holds_every_folder_that_the_code_reads() -> None:
    copied = re.findall(r"(?m)^COPY ([a-z]\S*) \S+$", (DEPLOY / "Containerfile").read_text(encoding="utf-8"))
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    needed = {*packages["targets"]["wheel"]["packages"], "portal", "deploy/postgres", "deploy/kafka/topics.yaml"}
    assert needed <= set(copied)
    admitted = (DEPLOY / "Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    for path in copied:
        assert (ROOT / path).exists()
        assert f"!{path}" in admitted
