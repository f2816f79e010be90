"""The bootstrap package: its tree made from templates, and built with dpkg-deb, the same bytes for the same input."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from string import Template

from packages_app.core.child_environment import child_environment
from packages_app.core.errors import BuildFailed
from packages_app.core.layout import deb_filename
from packages_app.debian.control import ControlParagraph, parse_control

SHIPPED_TEMPLATES = "kiro-repo"
"""The folder of the templates that we ship; a repository with a name of its own begins with a copy."""
_SOURCES = ".sources"
_SCRIPTS = ("preinst", "postinst", "prerm", "postrm")
_TIMEOUT_SECONDS = 120
_NOTHING = re.compile(r"(#[^\n]*\n|set -e\n|exit 0\n|\n)*")
"""A script without a command that does anything."""
_PUT_AWAY = """dpkg-maintscript-helper rm_conffile {file} -- "$@"
"""
_REMOVE_UNSIGNED = """\
    # Versions that wrote the list themselves named the repository in it, unsigned; it was never a conffile.
    old="$root{file}"
    if [ -f "$old" ] && grep -q 'trusted=yes' "$old"; then
        rm -f "$old"
    fi
"""


@dataclass(frozen=True)
class BootstrapValues:
    """What the templates are filled with. `components` are separated by spaces, `keyring` is without its ending.

    `replaces` are files of /etc/apt/sources.list.d that earlier packages left and this one puts away. `apt_conf` is the
    line of apt.conf with which unattended-upgrades takes the repository's upgrades, "" for none; `drops_apt_conf` says
    that the file of earlier versions that has it is put away.
    """

    name: str
    version: str
    architecture: str
    maintainer: str
    section: str
    priority: str
    homepage: str
    description: str
    repository_url: str
    suite: str
    components: str
    keyring: str
    replaces: tuple[str, ...] = ()
    apt_conf: str = ""
    drops_apt_conf: bool = False

    @property
    def apt_conf_file(self) -> tuple[str, bytes]:
        """The path of the file with that line, without the slash at its beginning, and what it holds.

        apt reads no file of a name with a plus sign, nor one with a period (apt_preferences(5), apt.conf(5)).
        """
        path = f"etc/apt/apt.conf.d/52unattended-upgrades-{self.name.replace('+', '-').replace('.', '-')}"
        said = f"// Of the package {self.name}: unattended-upgrades takes upgrades of its repository too."
        return path, f"{said}\n{self.apt_conf}\n".encode()


def build_bootstrap_deb(
    templates: Path, values: BootstrapValues, keyring: bytes, output: Path, *, source_date_epoch: int
) -> Path:
    """Build the package into the folder `output`; return the path of the `.deb`.

    `source_date_epoch` (seconds) dates every file in it. Raise `BuildFailed` for a missing template, an unknown
    placeholder, a missing dpkg-deb, or what dpkg-deb refuses.
    """
    target = output / deb_filename(values.name, values.version, values.architecture)
    with tempfile.TemporaryDirectory(prefix="repomgr-tree-") as folder:
        tree = Path(folder)
        _make_tree(tree, templates, values, keyring, source_date_epoch)
        _run_dpkg_deb(tree, target, source_date_epoch)
    return target


def source_template(templates: Path) -> Path:
    """Return the template of the source file: the one whose name ends in `.sources`; raise `BuildFailed`."""
    found = sorted(templates.glob(f"*{_SOURCES}"))
    if len(found) != 1:
        names = ", ".join(file.name for file in found)
        raise BuildFailed(
            f"The templates in {templates} have {names or 'no file'} that ends in {_SOURCES}.",
            remedy="Keep one such file there.",
        )
    return found[0]


def check_templates(templates: Path, values: BootstrapValues) -> None:
    """Fill every template a package is built from; raise `BuildFailed`, or `InvalidDeb` for its control paragraph."""
    fill = {**_fill(values), "date": "", "year": ""}
    for template in (source_template(templates), templates / "copyright", templates / "changelog"):
        _filled(template, fill)
    bootstrap_scripts(templates, values)
    bootstrap_control(templates, values)


def bootstrap_scripts(templates: Path, values: BootstrapValues) -> dict[str, bytes]:
    """Return the maintainer scripts by their names, without those that would do nothing; raise `BuildFailed`."""
    filled = {name: _filled(templates / name, _fill(values)) for name in _SCRIPTS if (templates / name).is_file()}
    return {name: text.encode() for name, text in filled.items() if not _NOTHING.fullmatch(text)}


def bootstrap_control(templates: Path, values: BootstrapValues) -> ControlParagraph:
    """Return the control paragraph of what is built from templates; raise `BuildFailed`, `InvalidDeb`."""
    return parse_control(_filled(templates / "control", _fill(values)))


def _fill(values: BootstrapValues) -> dict[str, str]:
    """Return what stands for each placeholder; what puts old files away is lines of a maintainer script, or none."""
    fill = {name: value for name, value in asdict(values).items() if isinstance(value, str)}
    dropped = (f"/{values.apt_conf_file[0]}",) if values.drops_apt_conf else ()
    put_away = "".join(_PUT_AWAY.format(file=file) for file in (*values.replaces, *dropped))
    remove = "".join(_REMOVE_UNSIGNED.format(file=file) for file in values.replaces)
    return {**fill, "put_away": f"\n{put_away}" if put_away else "", "remove_unsigned": remove}


def _make_tree(tree: Path, templates: Path, values: BootstrapValues, keyring: bytes, epoch: int) -> None:
    date = datetime.fromtimestamp(epoch, UTC)
    fill = {**_fill(values), "date": f"{date:%a, %d %b %Y %H:%M:%S +0000}", "year": str(date.year)}
    doc = f"usr/share/doc/{values.name}"
    # The source file is no conffile: postinst writes it from here, so that upgrades bring it up to date.
    files = {
        "DEBIAN/control": "control",
        f"usr/share/{values.name}/{values.name}.sources": source_template(templates).name,
        f"{doc}/copyright": "copyright",
    }
    for path, template in files.items():
        _write(tree / path, _filled(templates / template, fill).encode())
    for script, body in bootstrap_scripts(templates, values).items():
        _write(tree / "DEBIAN" / script, body, mode=0o755)
    changelog = _filled(templates / "changelog", fill).encode()
    _write(tree / doc / "changelog.gz", gzip.compress(changelog, compresslevel=9, mtime=0))
    _write(tree / f"usr/share/keyrings/{values.keyring}.gpg", keyring)
    if values.apt_conf:
        path, body = values.apt_conf_file
        _write(tree / path, body)
        _write(tree / "DEBIAN/conffiles", f"/{path}\n".encode())  # an administrator may change it
    for entry in (tree, *tree.rglob("*")):
        if entry.is_dir():
            entry.chmod(0o755)
        os.utime(entry, (epoch, epoch))


def _filled(template: Path, values: dict[str, str]) -> str:
    try:
        return _AtTemplate(template.read_text(encoding="utf-8")).substitute(values)
    except FileNotFoundError as error:
        raise BuildFailed(
            f"The template {template.name} is missing.", remedy=f"Restore it in {template.parent}."
        ) from error
    except (KeyError, ValueError) as error:
        raise BuildFailed(
            f"The template {template.name} has a placeholder that is not known: {error}.",
            remedy=f"Use one of: {', '.join(sorted(values))}.",
        ) from error


class _AtTemplate(Template):
    """Placeholders as @{name}: `$` belongs to the shell in maintainer scripts."""

    delimiter = "@"
    pattern = r"@(?:(?P<escaped>@)|(?P<named>(?!))|\{(?P<braced>[a-z_]+)\}|(?P<invalid>(?!)))"  # type: ignore[assignment]


def _write(path: Path, body: bytes, *, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    path.chmod(mode)


def _run_dpkg_deb(tree: Path, target: Path, epoch: int) -> None:
    command = ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(tree), str(target)]
    environment = child_environment(SOURCE_DATE_EPOCH=str(epoch))
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=_TIMEOUT_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise BuildFailed(
            "There is no dpkg-deb on this machine.", remedy="Install the package dpkg, or build on Debian."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise BuildFailed("dpkg-deb did not end.", remedy="Look at the machine's disk, then build again.") from error
    if done.returncode != 0:
        target.unlink(missing_ok=True)
        raise BuildFailed(f"dpkg-deb failed: {done.stderr.strip()}.", remedy="Correct the templates and build again.")
