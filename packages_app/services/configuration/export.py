"""The configuration as files: what counts now, from files and from the table, written into a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from packages_app.core.disk import disk_error
from packages_app.core.documents import REPOSITORY, ExportRefused, package_of
from packages_app.core.file_over_document import file_over_document
from packages_app.core.yaml_reader import plain
from packages_app.core.yaml_writer import written_yaml
from packages_app.services import adapters
from packages_app.services.archives import present_archive

_REPOSITORY_FILE = "repository.yaml"
_PACKAGES = "packages"


def export_config(folder: Path) -> list[str]:
    """Write repository.yaml, packages/*.yaml and the keyrings of base suites that lie beside; return their names.

    A folder that REPOMGR_CONFIG names can then stand for all that the table says. Files stay as they are, comments too,
    but for a repository.yaml that the table adds to.
    Raise `ExportRefused` for a folder that holds other configuration already, before anything is written; `DiskFull`,
    `DiskFailed`; and as `adapters.repository`.
    """
    adapters.configuration().look()
    files = _files()
    there = [folder / _REPOSITORY_FILE, *sorted((folder / _PACKAGES).glob("*.yaml"))]
    for path in [*there, *(folder / name for name in files)]:
        name = path.relative_to(folder).as_posix()
        if path.exists() and (name not in files or path.read_bytes() != files[name]):
            raise ExportRefused(f"{path} is there, and is not what is exported.", remedy="Name a new folder.")
    try:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise disk_error(error) or ExportRefused(
            f"{folder} can't be written: {error.strerror}.", remedy="Check its path and mode, or name another."
        ) from error
    return sorted(files)


def _repository_file(path: Path, document: bytes) -> bytes:
    """Return the file or the document, as it was written, where it says all; else what both say, without comments."""
    of_file, beside = adapters.configuration().repository_parts()
    if of_file is None or beside is None:
        return document if of_file is None else path.read_bytes()
    both = plain(file_over_document(of_file, beside).values)
    return path.read_bytes() if both == plain(of_file.values) else written_yaml(both).encode()


def _files() -> Mapping[str, bytes]:
    """Return what each file is to hold, by its path in the folder."""
    documents = {document.name: document.text.encode() for document in adapters.documents().documents()}
    repository, overruled = adapters.repository(), adapters.definitions().overruled
    folder: Path = present_archive().config_dir
    files = {f"{_PACKAGES}/{path.name}": path.read_bytes() for path in (folder / _PACKAGES).glob("*.yaml")}
    for name, text in documents.items():
        if package_of(name) and package_of(name) not in overruled:
            files[f"{_PACKAGES}/{package_of(name)}.yaml"] = text
    files[_REPOSITORY_FILE] = _repository_file(folder / _REPOSITORY_FILE, documents.get(REPOSITORY, b""))
    for base in repository.bases:
        if base.signed_by.is_relative_to(folder) and base.signed_by.is_file():
            files[base.signed_by.relative_to(folder).as_posix()] = base.signed_by.read_bytes()
    return files
