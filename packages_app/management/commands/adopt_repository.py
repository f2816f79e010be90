"""`manage.py adopt_repository`."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from packages_app.adoption.existing_repository import open_repository
from packages_app.core.caution import ALLOWABLE
from packages_app.core.errors import RepositoryRefused
from packages_app.core.readable import why_unreadable
from packages_app.core.system_user import system_user
from packages_app.management.terminal import EXIT_FAILED, ServiceCommand, terminal_progress
from packages_app.services import adapters
from packages_app.services.takeover.adopt import adopt
from packages_app.services.takeover.adoption_request import WHO, Adopted, AdoptionRequest, NewDefinitions, PoolFiles
from packages_app.services.takeover.told import told_of_clients, told_of_definitions


class Command(ServiceCommand):
    """Takes over an existing repository."""

    help = "Take over the packages of an existing APT repository: its suites, components, pool and control fields."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the repository, what of it, and what becomes of its files."""
        parser.add_argument("repository", metavar="URL|PATH", help="what stands in front of dists/ and pool/")
        parser.add_argument("--keyring", type=Path, metavar="FILE", help="the keys that its Release is signed with")
        parser.add_argument("--unsigned", action="store_true", help="do not look at signatures")
        parser.add_argument(
            "--suite", action="append", default=[], metavar="THEIRS[=OURS]", help="a suite to read; repeat for several"
        )
        parser.add_argument("--flat", metavar="OURS", help="it is flat (no dists/): put it into this suite of ours")
        parser.add_argument(
            "--component", action="append", default=[], metavar="THEIRS[=OURS]", help="a component (default: all)"
        )
        parser.add_argument(
            "--architecture", action="append", default=[], metavar="ARCH", help="an architecture (default: our suites')"
        )
        parser.add_argument(
            "--pool",
            choices=[pool.value for pool in PoolFiles],
            default=PoolFiles.COPY.value,
            help="copy its files into our pool, keep those that are in our bucket already, or none",
        )
        parser.add_argument(
            "--allow", action="append", default=[], metavar="CODE[:NAME]",
            help="a caution that needs nobody's word, of every package or of one: essential, setuid:sudo",
        )  # fmt: skip
        parser.add_argument(
            "--definitions", choices=[one.value for one in NewDefinitions], default=NewDefinitions.NONE.value,
            help="of packages that have none: none, or such that new versions are uploaded",
        )  # fmt: skip
        parser.add_argument("--skip-broken", action="store_true", help="leave out packages that can't be adopted")
        parser.add_argument("--dry-run", action="store_true", help="show counts and conflicts, write nothing")
        parser.add_argument("--no-publish", action="store_true", help="leave the publication to a worker")

    def handle(self, *args: Any, **options: Any) -> None:
        """Adopt and say what came of it; exit 1 when packages were left out."""
        request = _request(options)
        with terminal_progress() as progress:
            result = adopt(request, progress)
        self._tell(result, request)
        if not request.dry_run and request.pool is not PoolFiles.NONE and not options["no_publish"]:
            self.publish_waiting()
        if result.fault_count:
            raise CommandError(f"{result.fault_count} packages can't be adopted.", returncode=EXIT_FAILED)

    def _tell(self, result: Adopted, request: AdoptionRequest) -> None:
        for (suite, component, architecture), count in sorted(result.stanzas.items()):
            self.stdout.write(f"{suite} {component} {architecture}: {count} stanzas")
        for fault in result.faults:
            self.stdout.write(f"conflict: {fault}")
        if result.fault_count > len(result.faults):
            self.stdout.write(f"… {result.fault_count} in all")
        for sentence in result.cautioned.sentences():
            self.stdout.write(f"waits for a person, unless its definition allows it: {sentence}")
        for line in told_of_clients(result):
            self.stdout.write(line)
        for line in told_of_definitions(result, request):
            self.stdout.write(line)
        done = "nothing was written" if request.dry_run else f"{result.added} records written"
        self.stdout.write(f"{result.packages} packages: {result.new} new, {result.known} known; {done}")
        if request.pool is PoolFiles.NONE and not request.dry_run:
            self.stdout.write("Bring the files into the pool, then run publish; force_rebuild publishes without them.")


def _request(options: dict[str, Any]) -> AdoptionRequest:
    suites = _mapping(options["suite"])
    if options["flat"]:
        suites = {**suites, "": options["flat"]}
    if not suites:
        raise RepositoryRefused("No suite is named.", remedy="Say --suite THEIRS=OURS, or --flat OURS.")
    if bool(options["keyring"]) == options["unsigned"]:
        raise RepositoryRefused(
            "A repository is verified with its keys, or it is said that it is not.",
            remedy="Give --keyring FILE, or --unsigned.",
        )
    return AdoptionRequest(
        repository=open_repository(options["repository"], adapters.fetcher(options["repository"])),
        suites=suites,
        pool=PoolFiles(options["pool"]),
        components=_mapping(options["component"]),
        architectures=tuple(options["architecture"]) or None,
        keyring=_keyring(options["keyring"]),
        dry_run=options["dry_run"],
        skip_broken=options["skip_broken"],
        allow=_allowed(options["allow"]),
        definitions=NewDefinitions(options["definitions"]),
        who=f"{WHO} by {system_user()}",
    )


def _allowed(codes: list[str]) -> tuple[str, ...]:
    for text in codes:
        if text.partition(":")[0] not in ALLOWABLE:
            raise RepositoryRefused(
                f"{text!r} can't be allowed.", remedy=f"Say --allow with one of {', '.join(ALLOWABLE)}, or CODE:NAME."
            )
    return tuple(codes)


def _mapping(pairs: list[str]) -> dict[str, str]:
    """Read THEIRS=OURS, or THEIRS for the same name."""
    return {theirs: ours or theirs for theirs, _, ours in (pair.partition("=") for pair in pairs)}


def _keyring(path: Path | None) -> bytes | None:
    if path is None:
        return None
    if why := why_unreadable(path):
        raise RepositoryRefused(f"The keyring {path} can't be read: {why}.", remedy="Check its path and mode.")
    return path.read_bytes()
