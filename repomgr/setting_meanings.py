"""What each setting means, for README and the reference: a name that is read and not described here fails a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Meaning:
    """What a setting is for, in Markdown. `default` says in words what no address or number says, "" elsewhere."""

    text: str
    default: str = ""


MEANINGS: Mapping[str, Meaning] = {
    "REPOMGR_HOME": Meaning("where data goes; for its owner alone", "`var/`"),
    "REPOMGR_SETTINGS": Meaning("the settings file", "`repomgr.env` in the home"),
    "PORT": Meaning("where the web process listens"),
    "BIND": Meaning("the address that it listens on"),
    "WORKERS": Meaning("worker processes of `make up`"),
    "SWEEPER": Meaning("a process `sweeper` of its own sweeps, purges and repairs; workers leave that to it"),
    "REPOMGR_CONFIG": Meaning(
        "where `repository.yaml`, `packages/` and `templates/` are", "`config/` in the home if it is there, else ours"
    ),
    "ARCHIVES": Meaning(
        "several repositories in one installation, as YAML; give it as `ARCHIVES_FILE` ([ARCHIVES](docs/ARCHIVES.md))",
        "one, made of the other settings",
    ),
    "PACKAGE_TABLE_URL": Meaning(
        "the package table: `sqlite:///path` or `dynamodb://TABLE?region=…&endpoint=…`", "SQLite in the home"
    ),
    "BUCKET_URL": Meaning(
        "what clients read: `file:///path` or `s3://BUCKET/prefix?region=…&endpoint=…&acl=public-read`",
        "a folder in the home",
    ),
    "STAGING_URL": Meaning("what is not for clients: as `BUCKET_URL`; keep it private", "a folder in the home"),
    "STAGING_UPLOAD_URL": Meaning(
        "the S3 server of `STAGING_URL` as browsers and who pushes reach it: uploads in parts go straight there"
        " ([how](docs/DEPLOYMENT.md#uploads-straight-to-s3))",
        "they go through the web process",
    ),
    "DATABASE_URL": Meaning(
        "Django's database: `sqlite:///path` (`?timeout=30`: seconds that one process waits for another's write) or "
        "`postgres://user:password@host/name`",
        "SQLite in the home",
    ),
    "BROKER_URL": Meaning("Celery's broker: folders in the home, or `redis://host:port/0`"),
    "PUBLIC_URL": Meaning("the address that clients use", "`http://127.0.0.1:PORT/repository`"),
    "SIGNING_KEY": Meaning(
        "armored OpenPGP secret keys, or addresses of keys: `file:///path`, and of those that others keep"
        " `gpg:FINGERPRINT`, `awskms:///alias/NAME`, `pkcs11:…`, `command:/path`, with commas between (docs/KEYS.md);"
        " needed with a bucket on S3",
        "made at first start",
    ),
    "SIGNING_CERTIFICATE": Meaning("armored public certificates that go with addresses in `SIGNING_KEY`"),
    "WITHHELD": Meaning(
        "secrets that this process is not to have, by their settings' names: web and beat are started so"
    ),
    "GITHUB_TOKEN": Meaning("for `github_release`: private repositories, and 5,000 requests an hour in place of 60"),
    "GITHUB_TOKEN_HOST": Meaning("the host that `GITHUB_TOKEN` is for: it is sent there alone, and over https"),
    "SOURCE_TOKENS": Meaning(
        "tokens of other hosts, such as a GitHub Enterprise Server's: `HOST=TOKEN` each, with commas or line ends"
        " between; sent to that host alone"
    ),
    "PRIVATE_UPSTREAMS": Meaning(
        "host names, addresses and networks (`10.1.0.0/16`) that downloads and webhooks may go to although they are"
        " private"
    ),
    "SECRET_KEY": Meaning("sessions and forms; seals the secrets of webhooks", "made at first start"),
    "ALLOWED_HOSTS": Meaning("names the web process answers to"),
    "BEHIND_HTTPS": Meaning("a proxy in front speaks HTTPS, and sets `X-Forwarded-Proto` and `X-Forwarded-For`"),
    "LOGIN_ATTEMPTS": Meaning(
        "failures that lock a user name for an address, for 15 minutes; four times as many lock the address"
    ),
    "FRESH_MINUTES": Meaning(
        "for so many minutes a password or second factor that was shown is enough for keys, purges and rights"
    ),
    "SECOND_FACTOR": Meaning(
        "an authenticator app or a security key besides the password ([SIGN-IN](docs/SIGN-IN.md)): `off`, `offered`,"
        " `required-for-publishers`, or `required`; run `first_start` after a change"
    ),
    "SIGN_IN_OIDC_ISSUER": Meaning(
        "single sign-on by OpenID Connect ([SIGN-IN](docs/SIGN-IN.md#single-sign-on)): the issuer's address, as it"
        " writes it itself; run `first_start` after a change"
    ),
    "SIGN_IN_OIDC_NAME": Meaning("what the login's button calls the issuer", "its host"),
    "SIGN_IN_OIDC_CLIENT_ID": Meaning("what the issuer knows this server by"),
    "SIGN_IN_OIDC_CLIENT_SECRET": Meaning("the secret that goes with it"),
    "SIGN_IN_OIDC_GROUPS": Meaning(
        "which of the issuer's groups are which of ours, `THEIRS=OURS` with commas between; `*` is everybody,"
        " `superusers` superusers; who has none of them has no account"
    ),
    "SIGN_IN_OIDC_GROUPS_CLAIM": Meaning("the claim of its ID tokens that names groups, or one in others: `a.b`"),
    "SIGN_IN_OIDC_DOMAINS": Meaning("domains of e-mail addresses that it must have verified for who is let in", "any"),
    "SIGN_IN_OIDC_SECOND_FACTOR": Meaning("the issuer asks for a second factor itself, and that is enough"),
    "SIGN_IN_SAML_METADATA": Meaning(
        "single sign-on by SAML ([SIGN-IN](docs/SIGN-IN.md#saml)): the https address of the identity provider's"
        " metadata, or these in a file, as `SIGN_IN_SAML_METADATA_FILE`; run `first_start` after a change"
    ),
    "SIGN_IN_SAML_NAME": Meaning("what the login's button calls the identity provider", "its host, or SAML"),
    "SIGN_IN_SAML_ENTITY_ID": Meaning("what it knows this server by", "the address of this server's metadata"),
    "SIGN_IN_SAML_SUBJECT_ATTRIBUTE": Meaning("the attribute that names somebody for good", "the NameID"),
    "SIGN_IN_SAML_GROUPS": Meaning("which of its groups are which of ours, as `SIGN_IN_OIDC_GROUPS`"),
    "SIGN_IN_SAML_GROUPS_ATTRIBUTE": Meaning("the attribute that names groups"),
    "SIGN_IN_SAML_SECOND_FACTOR": Meaning("the identity provider asks for a second factor itself, and that is enough"),
    "SIGN_IN_PASSWORDS": Meaning("whose passwords sign in: `everybody`, or `superusers` where an issuer does"),
    "SWEEP_GENERATIONS": Meaning("how many old publications stay readable"),
    "SWEEP_DAYS": Meaning("for how many days what was in place stays readable"),
    "UPLOAD_LIMIT_BYTES": Meaning("largest upload through the admin (2 GiB)"),
    "API_REQUESTS_A_MINUTE": Meaning(
        "requests that a token may make in a minute, and an address without one"
        " ([limits](docs/OPERATIONS.md#limits-of-machines))"
    ),
    "API_REFUSED_TOKENS_A_MINUTE": Meaning("tokens that do not count which an address may show in a minute"),
    "API_UPLOADS_AT_ONCE": Meaning(
        "pushed uploads of a token that are worked on at once; a web process has six threads for those of all"
    ),
    "DPUT_SIGNATURES": Meaning(
        "whether the `.changes` of dput must be signed by an uploader's key: `required`, or `accepted` unsigned too"
    ),
    "NOTIFY_URLS": Meaning(
        "who is told of notices: addresses of [apprise](https://github.com/caronc/apprise): `mailtos://…`,"
        " `jsons://…` (webhook), `sns://…`"
    ),
    "NOTIFY_KINDS": Meaning("the kinds of notices that are sent", "all"),
    "METRICS_TOKEN": Meaning(
        "what Prometheus shows to read `/metrics`, as `Authorization: Bearer …`; without one there is no `/metrics`"
        " ([METRICS](docs/METRICS.md))"
    ),
    "ADMIN_URL": Meaning("the admin's address, for links in what is sent: `https://repomgr.example.org/admin`"),
    "VERIFY_SAMPLE": Meaning("pool files that the daily verification reads besides the newest versions"),
    "APT_CHECK": Meaning(
        "the real apt and dpkg read packages before they are recorded, and apt reads candidates before the switch:"
        " `auto`, those rendered whole, where they are installed; `required`, every one; or `off`"
    ),
    "SHARD_CACHE_URL": Meaning(
        "compressed parts of indexes by content: `file:///FOLDER` or `redis://HOST:PORT/NUMBER`; losing it costs time"
        " only; hosts that share a Redis share `SECRET_KEY`, with which its values are sealed",
        "files in the home",
    ),
    "MOST_WAITING_JOBS": Meaning("how many jobs of one person of the admin may wait at once"),
    "JOBS_KEPT_DAYS": Meaning("for how many days a job that has ended stays in the admin"),
    "NOTICES_KEPT_DAYS": Meaning("for how many days news, settled notices and webhook deliveries stay"),
    "HISTORY_KEPT_DAYS": Meaning(
        "for how many days publications, decided candidates and settled conflicts stay; a suite's last publication"
        " always"
    ),
    "AUDIT_KEPT_DAYS": Meaning("for how many days lines of the audit trail stay; 30 at the least"),
    "AUDIT_EXPORT_URL": Meaning(
        "where the audit trail is copied to each hour: as `BUCKET_URL`; private, best a bucket of its own with Object"
        " Lock"
    ),
    "LEASE_SECONDS": Meaning("a publisher that says nothing for so long loses its suite to another"),
    "SILENT_SECONDS": Meaning("a worker that says nothing for so long loses its job to another"),
    "LEAST_FREE_BYTES": Meaning("a disk of ours with less room is told of, by a notice and by `doctor` (512 MiB)"),
    "LOG_LEVEL": Meaning(
        "structured logs on standard error, from this level on; a command on a terminal logs only where it is set"
    ),
    "LOG_FORMAT": Meaning(
        "`json`, one object a line, or `console` for people; commands take it as `--log-format` too",
        "`console` on a terminal, else `json`",
    ),
}
