"""A process is given its own role's password and cannot come by another's."""

from pathlib import Path

from libs.runtime.keys import role_dsn, role_password
from libs.runtime.settings import Settings


def test_a_process_with_a_password_needs_no_secret(tmp_path: Path) -> None:
    url = "postgresql://postgres:5432/nrm"
    made = role_password(Settings(role_secret="installation"), "nrm_audit")  # noqa: S106 - of a test
    own = Settings(database_url=url, role_password=made, data_dir=tmp_path)
    assert role_dsn(own, "nrm_audit") == role_dsn(
        Settings(database_url=url, role_secret="installation"),  # noqa: S106 - of a test
        "nrm_audit",
    )
    assert not list(tmp_path.iterdir())
