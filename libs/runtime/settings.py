"""What the environment says: every `NRM_` variable, its default and its meaning. Nothing else reads the environment."""

import os
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

SERVICES = ("identification", "referral", "aftercare", "justice", "repatriation")
PROCESSES = ("portal", *SERVICES, "views", "audit", "relay")


class Settings(BaseSettings):
    """The configuration of one process, read once at its start."""

    # A secret may be a file instead of a variable: $NRM_SECRETS_DIR/nrm_master_key holds NRM_MASTER_KEY.
    model_config = SettingsConfigDict(env_prefix="NRM_", extra="ignore", secrets_dir=os.environ.get("NRM_SECRETS_DIR"))

    database_url: str = Field("", description="Administrator's PostgreSQL URL; roles of the processes derive from it")
    kafka_bootstrap_servers: str = Field("", description="host:port of the Kafka brokers")
    port_base: int = Field(8000, description="portal = base, identification = base+1, … audit = base+7, relay = base+8")
    bind: str = Field("127.0.0.1", description="address that the processes listen on")
    process_url: str = Field("http://127.0.0.1:{port}", description="where processes reach each other")
    public_host: str = Field("", description="front door's host name: https://<process>.<host>; empty: no front door")
    data_dir: Path = Field(Path(".data"), description="where the launcher keeps PostgreSQL, Kafka and the keys")
    topic_prefix: str = Field("nrm", description="first part of every topic name")
    topic_replicas: int = Field(1, description="replicas of each topic; 3 in production")
    role_secret: str = Field("", description="secret that the database roles' passwords derive from; else a file")
    role_password: str = Field("", description="password of this process's own role, instead of the secret of all")
    master_key: str = Field("", description="base64 of 32 bytes that wrap the persons' keys; else a file")
    master_key_new: str = Field("", description="the next master key while it is rotated: read with, not wrapped with")
    master_key_old: str = Field("", description="the master key before, until `nrm rewrap` finds nothing under it")
    jwks_url: str = Field("", description="JWKS of the OpenID Connect issuer; empty: this folder's development key")
    issuer: str = Field("urn:opennrm:development", description="`iss` that a token must carry")
    audience: str = Field("opennrm", description="`aud` that a token must carry")
    submitter_keys: str = Field("", description="file of submitters' public keys; empty: <data_dir>/submitters.json")
    oidc_client_id: str = Field("", description="the portal's client at the issuer; empty: development sign-in")
    oidc_client_secret: str = Field("", description="that client's secret, where the issuer gave it one")
    oidc_scope: str = Field("openid", description="scopes that the portal asks the issuer for")
    portal_secret: str = Field("", description="seals the portal's cookies; empty: a new one at each start")
    log_origin: str = Field("", description="name of the transparency log; empty: opennrm.org/log/<installation>")
    witnesses: str = Field("", description="<url> <verifier key>, separated by commas: who cosigns checkpoints")
    witness_quorum: int = Field(0, description="cosignatures a published checkpoint needs; 0: more than half")
    reconcile_s: float = Field(30, gt=0, description="seconds between two rounds of the continuous reconciliation")
    body_bytes_max: int = Field(1_048_576, description="largest request body, in bytes")
    corridors_dir: str = Field("", description="folder of the corridors' files; empty: those shipped")
    requests_at_once: int = Field(256, description="requests that a process has under way; the next one gets 503")
    request_seconds: float = Field(30, description="longest until an answer begins; then 503")
    rate_per_organisation: float = Field(0, description="requests a second of one organisation at one process; 0: any")
    small_cell: int = Field(11, description="counts below it are hidden from those not entitled")
    webhook_allow: str = Field(
        "", description="networks beyond the public internet that webhooks may go to, with commas"
    )
    log_level: str = Field("info", description="debug, info, warning or error")

    def port(self, process: str) -> int:
        """The port of a process by its name in the contract."""
        return self.port_base + PROCESSES.index(process)

    def url(self, process: str) -> str:
        """The base URL at which the other processes reach a process."""
        return self.process_url.format(process=process, port=self.port(process))

    def public_url(self, process: str) -> str:
        """The base URL that the outside uses: behind the front door where there is one."""
        if not self.public_host:
            return self.url(process)
        return f"https://{self.public_host}" if process == "portal" else f"https://{process}.{self.public_host}"

    def topic(self, service: str) -> str:
        """The topic on which a service's events are published."""
        return f"{self.topic_prefix}.{service}.events.v1"

    @property
    def dead_letters(self) -> str:
        """The topic for events that a projection could not apply."""
        return f"{self.topic_prefix}.dead.letters.v1"

    def role_url(self, role: str, password: str) -> str:
        """The administrator's URL with the user and password of a process's own role."""
        parts = urlsplit(self.database_url)
        address = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{quote(role)}:{quote(password)}@{address}"))


@lru_cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings()
