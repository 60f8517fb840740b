"""The corpus against a running system: every body, token, id and query; no 5xx, no hang, memory bounded."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx2

from libs.runtime.auth import mint
from libs.runtime.settings import SERVICES, Settings
from nrm.system import System
from tests.faults.load import CASE, WHEN
from tests.fuzz.corpus import IDS, QUERIES, bodies, send, tokens
from tests.fuzz.schemas import ROLES

SECONDS_MAX = 60
GROWTH_MIB_MAX = 200
READERS = ("identification", "referral", "aftercare", "justice", "repatriation", "views", "audit")


@dataclass
class Attack:
    """What was sent, and what should not have been answered."""

    system: System
    client: httpx2.AsyncClient
    sent: int = 0
    slowest_s: float = 0.0
    wrong: list[str] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return self.system.settings

    async def all(self) -> None:
        before = self.memory()
        await self._bodies()
        await self._tokens()
        await self._addresses()
        await self._others()
        grown = max(now - before.get(name, now) for name, now in self.memory().items())
        if grown > GROWTH_MIB_MAX:
            self.wrong.append(f"a process grew by {grown} MiB")
        for name in self.system.processes:
            answer = await self.client.get(f"{self.system.url(name)}/health/ready")
            self._judge(f"health of {name}", answer.status_code, {200})

    def memory(self) -> dict[str, int]:
        """MiB of each process."""
        return {name: _resident_mib(process.pid) for name, process in self.system.processes.items() if process.pid}

    async def _bodies(self) -> None:
        token = mint(self.settings, "nrm-authority", ROLES, 3600)
        for one in bodies():
            status, seconds, kind = await send(
                self.client, f"{self.settings.url('identification')}/v1/cases", token, one
            )
            self.slowest_s = max(self.slowest_s, seconds)
            right = one.right | (
                {0} if 413 in one.right or not one.headers.get("Content-Type", "x").isascii() else set()
            )
            self._judge(f"body: {one.name}", status, right)
            if status >= 400 and kind != "application/problem+json" and status not in (400, 431):
                self.wrong.append(f"body: {one.name}: {status} as {kind}")
            if seconds > SECONDS_MAX:
                self.wrong.append(f"body: {one.name} took {seconds:.0f} s")

    async def _tokens(self) -> None:
        good = mint(self.settings, "cnp-poipet", "first_responder", 3600)
        folder = self.settings.data_dir / "fuzz-other-issuer"
        other = mint(self.settings.model_copy(update={"data_dir": Path(folder)}), "cnp-poipet", "first_responder", 3600)
        wrong_audience = mint(self.settings.model_copy(update={"audience": "other"}), "cnp-poipet", "auditor", 3600)
        expired = mint(self.settings, "cnp-poipet", "first_responder", -3600)
        given = {**tokens(good, other), "aud": f"Bearer {wrong_audience}", "expired": f"Bearer {expired}"}
        for name, header in given.items():
            for process, path in (
                ("identification", "/v1/cases"),
                ("audit", "/v1/access"),
                ("views", "/v1/statistics"),
            ):
                headers = {"Authorization": header.encode()} if header else {}
                answer = await self.client.get(self.settings.url(process) + path, headers=headers)
                self._judge(
                    f"token: {name} at {process}",
                    answer.status_code,
                    {401, 404} - ({404} if process != "audit" else set()),
                )

    async def _addresses(self) -> None:
        """Every documented address with ids that are none, and every list with queries that are none."""
        token = mint(self.settings, "nrm-authority", ROLES, 3600)
        for process in READERS:
            document = (await self.client.get(f"{self.settings.url(process)}/openapi.json")).json()
            for path, operations in document["paths"].items():
                asked = (
                    [path.replace(path[path.index("{") : path.index("}") + 1], one) for one in IDS]
                    if "{" in path
                    else []
                )
                asked = [one.replace("{", "%7B").replace("}", "%7D") for one in asked]
                asked += [f"{path}?{query}" for query in QUERIES] if "{" not in path else []
                for address in asked:
                    await self._ask(process, address, operations, token)

    async def _ask(self, process: str, address: str, operations: Iterable[str], token: str) -> None:
        headers = {
            "Authorization": f"Bearer {token}",
            "Idempotency-Key": uuid4().hex,
            "Content-Type": "application/json",
        }
        for method in set(operations) & {"get", "post", "put", "delete", "patch"}:
            answer = await self.client.request(
                method, self.settings.url(process) + address, headers=headers, content=b"{}" if method != "get" else b""
            )
            self.sent += 1
            if answer.status_code >= 500 and answer.status_code != 503:
                self.wrong.append(f"{method} {process} {address[:90]}: {answer.status_code}")

    async def _others(self) -> None:
        """A case of one organisation, asked for and written to by another that has no part in it."""
        owner = mint(self.settings, "cnp-poipet", "first_responder", 3600)
        stranger = mint(self.settings, "chab-dai", "provider", 3600)
        url = self.settings.url("identification")
        made = await self.client.post(
            f"{url}/v1/cases", json=CASE, headers={"Authorization": f"Bearer {owner}", "Idempotency-Key": uuid4().hex}
        )
        self._judge(f"a case to be asked for ({made.text[:200]})", made.status_code, {201})
        case = str(made.json().get("case_id", "KH-2026-000000-0"))
        for process in SERVICES:
            document = (await self.client.get(f"{self.settings.url(process)}/openapi.json")).json()
            for path, operations in document["paths"].items():
                for method in set(operations) & {"get", "post"} if "{" in path else ():
                    address = path.replace(path[path.index("{") : path.index("}") + 1], case).replace("{", "%7B")
                    answer = await self.client.request(
                        method,
                        self.settings.url(process) + address.replace("}", "%7D"),
                        json={"occurred_at": WHEN},
                        headers={"Authorization": f"Bearer {stranger}", "Idempotency-Key": uuid4().hex},
                    )
                    self._judge(f"another's case: {method} {path}", answer.status_code, {400, 403, 404, 409, 415, 422})

    def _judge(self, what: str, status: int, right: Iterable[int]) -> None:
        self.sent += 1
        if status not in right:
            self.wrong.append(f"{what}: answered {status}, not {' or '.join(map(str, sorted(right)))}")


def _resident_mib(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 // (1024 * 1024)
