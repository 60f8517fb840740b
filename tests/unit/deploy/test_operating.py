"""The operator's page keeps step with the code; `python -m tests.unit.deploy.test_operating` writes its table anew."""

import re
from pathlib import Path

from libs.runtime.settings import PROCESSES, Settings

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "operating.md"
TABLE = re.compile(r"(<!-- configuration: [^\n]* -->\n).*?(<!-- /configuration -->)", re.DOTALL)
SECRET = {
    "role_secret",
    "role_password",
    "master_key",
    "master_key_new",
    "master_key_old",
    "oidc_client_secret",
    "portal_secret",
}


def configuration_table() -> str:
    """Every setting with its default and meaning."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = f"`{field.default}`" if str(field.default) else "none"
        said = (field.description or "").replace("|", "\\|").replace("<", "&lt;")
        meaning = f"{said}; secret" if name in SECRET else said
        rows.append(f"| `NRM_{name.upper()}` | {default} | {meaning} |")
    rows.append("| `NRM_SECRETS_DIR` | none | folder whose files hold settings, one each, named as the variable |")
    return "\n".join(rows) + "\n"


def _page_with_table() -> str:
    return TABLE.sub(lambda found: found[1] + configuration_table() + found[2], PAGE.read_text(encoding="utf-8"))


def test_the_configuration_table_is_that_of_the_settings() -> None:
    assert PAGE.read_text(encoding="utf-8") == _page_with_table(), "python -m tests.unit.deploy.test_operating"


def test_every_setting_has_a_meaning() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_every_metric_of_an_alarm_is_one_that_is_counted() -> None:
    code = "".join(
        path.read_text(encoding="utf-8") for folder in ("libs", "nrm") for path in (ROOT / folder).rglob("*.py")
    )
    counted = set(re.findall(r"(?:Counter|Gauge|Histogram)\(\s*\"(nrm_\w+)\"", code))
    named = set(re.findall(r"\bnrm_(?:relay|http|access|log)_\w+", PAGE.read_text(encoding="utf-8")))
    assert {re.sub(r"_(total|bucket)$", "", name) for name in named} <= counted


def test_every_log_line_named_is_one_that_is_written() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "libs").rglob("*.py"))
    named = set(re.findall(r"`((?:relay|projection|access|http)\.[a-z]+)`", PAGE.read_text(encoding="utf-8")))
    assert named
    assert all(f'"{name}"' in code for name in named)


def test_the_page_names_every_process_at_its_port() -> None:
    page = PAGE.read_text(encoding="utf-8")
    base = Settings.model_fields["port_base"].default
    assert all(f"{process} {base + place}" in page for place, process in enumerate(PROCESSES))


def test_a_secret_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "nrm_master_key").write_text("from a file\n")
    assert Settings(_secrets_dir=tmp_path).master_key == "from a file"


if __name__ == "__main__":
    PAGE.write_text(_page_with_table(), encoding="utf-8")
