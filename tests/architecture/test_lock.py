"""What pip installs is what uv installs, and both are what pyproject.toml asks for. Needs no network and no uv."""

import re
import tomllib
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"^([a-z0-9.-]+)==([^ ;\\]+)")
HOW = "run `make lock`"


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads((PROJECT / name).read_text())


def _locked() -> dict[tuple[str, str], set[str]]:
    """Every package of uv.lock with the hashes of its files."""
    found: dict[tuple[str, str], set[str]] = {}
    for package in _toml("uv.lock")["package"]:
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        found[package["name"], package["version"]] = {file["hash"] for file in files}
    return found


def _pinned(name: str) -> dict[tuple[str, str], set[str]]:
    """Every package of a pip file with its hashes."""
    found: dict[tuple[str, str], set[str]] = {}
    hashes: set[str] = set()
    for line in (PROJECT / name).read_text().splitlines():
        if pin := PIN.match(line):
            hashes = found.setdefault((pin[1], pin[2]), set())
        hashes.update(re.findall(r"--hash=(\S+)", line))
    return found


def _plain(requirement: str) -> str:
    """A requirement without its extras, spaces and spelling, as `name specifier`."""
    match = re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*(.*)", requirement)
    assert match, requirement
    return f"{match[1].lower().replace('_', '-')} {match[2].replace(' ', '')}".strip()


def _asked(entries: list[dict[str, Any]]) -> set[str]:
    return {f"{entry['name']} {entry.get('specifier', '').replace(' ', '')}".strip() for entry in entries}


def test_uv_lock_answers_what_pyproject_asks_for() -> None:
    project = _toml("pyproject.toml")
    ours = next(package for package in _toml("uv.lock")["package"] if package["name"] == project["project"]["name"])
    extras = [one for group in project["project"].get("optional-dependencies", {}).values() for one in group]
    wanted = {_plain(one) for one in (*project["project"]["dependencies"], *extras)}
    assert _asked(ours["metadata"]["requires-dist"]) == wanted, HOW
    development = {_plain(one) for one in project["dependency-groups"]["dev"]}
    assert _asked(ours["metadata"]["requires-dev"]["dev"]) == development, HOW


def test_pip_installs_the_same_versions_and_hashes() -> None:
    locked = _locked()
    pinned = _pinned("requirements.lock") | _pinned("requirements-embedded.lock")
    assert {key: pinned[key] for key in pinned if locked.get(key) != pinned[key]} == {}, HOW
    names = {name for name, _ in locked} - {_toml("pyproject.toml")["project"]["name"]}
    assert names == {name for name, _ in pinned}, HOW
