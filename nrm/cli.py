"""The `nrm` command: finds its subcommands in `nrm/commands/`, imports only the one that is asked for.

A command is a module `nrm/commands/<name>.py` with a function `command` (typer annotations for its arguments) whose
docstring is the help, or with `app`, a `typer.Typer` of its own. `_` in the file's name is `-` on the
command line; a name that Python keeps for itself gets `_` at the end (`import_.py`). Nothing needs registering: `nrm`
alone lists the files by reading their docstrings, without importing them.
"""

import ast
import importlib
import sys
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

COMMANDS = Path(__file__).with_name("commands")


class Lazy(TyperGroup):
    """A group whose commands are modules, so that `nrm token` does not wait for Kafka's client to be imported."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - typer keeps the type to itself
        """The names of all commands."""
        del ctx
        return sorted(file.stem.rstrip("_").replace("_", "-") for file in COMMANDS.glob("[a-z]*.py"))

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | TyperGroup | None:  # noqa: ANN401 - as above
        """The command itself; for the list of all, only its name and help."""
        del ctx
        stem = cmd_name.replace("-", "_")
        for file in (COMMANDS / f"{stem}.py", COMMANDS / f"{stem}_.py"):
            if file.exists():
                return _loaded(cmd_name, file) if cmd_name in sys.argv else _named(cmd_name, file)
        return None


def _loaded(name: str, file: Path) -> TyperCommand | TyperGroup | None:
    module = importlib.import_module(f"nrm.commands.{file.stem}")
    commands: typer.Typer | None = getattr(module, "app", None)
    if commands is None:
        commands = typer.Typer(add_completion=False, pretty_exceptions_show_locals=False)
        commands.command(name)(module.command)
    found = typer.main.get_command(commands)
    found.name = name
    return found if isinstance(found, (TyperCommand, TyperGroup)) else None


def _named(name: str, file: Path) -> TyperCommand:
    tree = ast.parse(file.read_text())
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "command"]
    said = ast.get_docstring(functions[0]) if functions else None
    return TyperCommand(name, help=said or ast.get_docstring(tree))


app = typer.Typer(cls=Lazy, no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False)


@app.callback()
def nrm() -> None:
    """OpenNRM: the register of a National Referral Mechanism."""


def main() -> None:
    """The entry point of `.venv/bin/nrm`."""
    app(prog_name="nrm")


if __name__ == "__main__":
    main()
