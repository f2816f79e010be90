"""Django's settings, read from the environment and the settings file (`settings_file`).

Every name may also be given as NAME_FILE, a file that holds it. With nothing set this is the embedded column: SQLite
and folders below REPOMGR_HOME.
"""

from __future__ import annotations

import os
import sys

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from kombu import Exchange, Queue

from packages_app.core import home
from packages_app.core.archive import DEFAULT, Archive
from packages_app.core.locations import FolderStore, SqliteTable, check_not_served, parse_store_url, parse_table_url
from packages_app.core.private_upstreams import parse_private_upstreams
from packages_app.core.source_tokens import GITHUB_HOST
from repomgr import environment, settings_file
from repomgr.archives import read_archives
from repomgr.broker.message import QUEUES
from repomgr.look import look

# Every process reads this: whatever it makes is for its owner alone. What clients read is opened by the store itself.
os.umask(home.UMASK)
settings_file.load_settings()
SETTINGS_FILE = settings_file.settings_path()
SETTINGS_FILE_IS_SECRET = SETTINGS_FILE is not None and settings_file.holds_secrets(SETTINGS_FILE)

BASE_DIR = environment.BASE_DIR
HOME = environment.home()
# Nothing is made where there is no home: that is the first start's alone (manage.py).
_AT_HOME = home.is_home(HOME)
PORT = environment.port("PORT", default=8000)
_YEAR_SECONDS = 365 * 24 * 3600
# `manage.py init` makes one in the home, which then counts. One that lacks its repository.yaml is at fault, not absent:
# nothing may be published under the shipped name instead.
OWN_CONFIG_DIR, SHIPPED_CONFIG_DIR = HOME / home.CONFIG, BASE_DIR / "config"
CONFIG_DIR = environment.folder(
    "REPOMGR_CONFIG", default=OWN_CONFIG_DIR if OWN_CONFIG_DIR.is_dir() else SHIPPED_CONFIG_DIR
)
TEMPLATES_DIR = BASE_DIR / "templates"

# Where the data is
PACKAGE_TABLE = parse_table_url(
    "PACKAGE_TABLE_URL", environment.text("PACKAGE_TABLE_URL", default=f"sqlite://{HOME / home.TABLE_FILE}")
)
BUCKET = parse_store_url("BUCKET_URL", environment.text("BUCKET_URL", default=f"file://{HOME / home.BUCKET}"))
STAGING = parse_store_url("STAGING_URL", environment.text("STAGING_URL", default=f"file://{HOME / home.STAGING}"))
STAGING_UPLOAD_URL = environment.server_of(STAGING, "STAGING_UPLOAD_URL")
PUBLIC_URL = environment.web_address("PUBLIC_URL", default=f"http://127.0.0.1:{PORT}/repository")
PUBLIC_URL_GIVEN = environment.is_given("PUBLIC_URL")
SIGNING_KEY = environment.text("SIGNING_KEY", default="")
SIGNING_CERTIFICATE = environment.text("SIGNING_CERTIFICATE", default="")
WITHHELD = environment.withheld()
GITHUB_TOKEN = environment.token("GITHUB_TOKEN")
GITHUB_TOKEN_HOST = environment.host("GITHUB_TOKEN_HOST", default=GITHUB_HOST)
SOURCE_TOKENS = environment.tokens_of_hosts("SOURCE_TOKENS")
PRIVATE_UPSTREAMS = parse_private_upstreams("PRIVATE_UPSTREAMS", environment.texts("PRIVATE_UPSTREAMS", default=[]))
SIGNING_KEY_FILE = HOME / home.SIGNING_KEY_FILE
# How many pool files the daily verification reads besides the newest versions.
VERIFY_SAMPLE = environment.number("VERIFY_SAMPLE", default=100)
# The sweep: how many old generations stay, and for how long what was in place; a client's cache is never that old.
SWEEP_GENERATIONS = environment.number("SWEEP_GENERATIONS", default=10)
SWEEP_DAYS = environment.number("SWEEP_DAYS", default=14)
# How long rows of the admin stay: ended jobs; notices; publications, decided candidates and settled conflicts.
MOST_WAITING_JOBS = environment.number("MOST_WAITING_JOBS", default=500)
JOBS_KEPT_DAYS = environment.number("JOBS_KEPT_DAYS", default=30)
NOTICES_KEPT_DAYS = environment.number("NOTICES_KEPT_DAYS", default=90)
HISTORY_KEPT_DAYS = environment.number("HISTORY_KEPT_DAYS", default=365)
# The audit trail: how long its lines stay, and where they are kept besides, in a store of their own.
AUDIT_KEPT_DAYS = environment.number("AUDIT_KEPT_DAYS", default=730)
AUDIT_EXPORT = environment.text("AUDIT_EXPORT_URL", default="") and parse_store_url(
    "AUDIT_EXPORT_URL", environment.text("AUDIT_EXPORT_URL", default="")
)
# A publisher that says nothing for so long loses its suite to another; a job, its worker.
LEASE_SECONDS = environment.number("LEASE_SECONDS", default=120)
SILENT_SECONDS = environment.number("SILENT_SECONDS", default=60)
# A disk with less room is told of before it is full.
LEAST_FREE_BYTES = environment.number("LEAST_FREE_BYTES", default=512 * 1024**2)
# Before the switch the real apt reads candidates: whole ones, where it is installed; every one; or none.
APT_CHECK = environment.choice("APT_CHECK", ("auto", "required", "off"), default="auto")

# Who is told of notices: addresses of apprise, which hold passwords; which kinds; where the admin is, for links
NOTIFY_URLS = environment.addresses("NOTIFY_URLS")
NOTIFY_KINDS = environment.texts("NOTIFY_KINDS", default=[])
# Who may read /metrics; nobody where there is none.
METRICS_TOKEN = environment.token("METRICS_TOKEN")
ADMIN_URL = environment.text("ADMIN_URL", default="") and environment.web_address("ADMIN_URL", default="")

# Compressed parts of indexes, by content: files of this host, or a Redis that several share. It may be lost any time.
SHARD_CACHE_URL = environment.cache("SHARD_CACHE_URL", default=f"file://{HOME / home.CACHE / 'shards'}")
_IN_MEMORY = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
CACHES = {
    "default": {**_IN_MEMORY, "KEY_FUNCTION": "repomgr.archive_addresses.key_in_archive"},
    "shards": {**SHARD_CACHE_URL, "TIMEOUT": 30 * 24 * 3600},
}
if not _AT_HOME and not environment.is_given("SHARD_CACHE_URL"):
    CACHES["shards"] = _IN_MEMORY  # a cache of files makes its folder as soon as it is looked at

EMBEDDED_BUCKET = isinstance(BUCKET, FolderStore)
# The repositories of this installation; None stands for the one that the settings above make.
ARCHIVES = read_archives(
    environment.text("ARCHIVES", default=""),
    Archive(
        DEFAULT, HOME, CONFIG_DIR, OWN_CONFIG_DIR, PACKAGE_TABLE, BUCKET, STAGING, EMBEDDED_BUCKET, PUBLIC_URL,
        PUBLIC_URL_GIVEN, SIGNING_KEY, SIGNING_CERTIFICATE, SIGNING_KEY_FILE, ADMIN_URL, STAGING_UPLOAD_URL,
    ),
    WITHHELD,
)  # fmt: skip
_OTHER_ARCHIVES = [each for each in ARCHIVES.values() if each is not None]

DATABASES = {"default": environment.database("DATABASE_URL", default=f"sqlite:///{HOME / home.DATABASE_FILE}")}
_PRIVATE = {
    "REPOMGR_HOME": HOME,
    **{f"{name}/ in REPOMGR_HOME": HOME / name for name in (home.BROKER, home.CACHE, home.ENVIRONMENTS)},
    **({"STAGING_URL": STAGING.path} if isinstance(STAGING, FolderStore) else {}),
    **({"PACKAGE_TABLE_URL": PACKAGE_TABLE.path} if isinstance(PACKAGE_TABLE, SqliteTable) else {}),
    **({"DATABASE_URL": DATABASES["default"]["NAME"]} if "sqlite" in DATABASES["default"]["ENGINE"] else {}),
    **({"REPOMGR_SETTINGS": SETTINGS_FILE} if SETTINGS_FILE is not None else {}),
    **{f"{each.slug} of ARCHIVES": each.home for each in _OTHER_ARCHIVES},
}
for _bucket in (BUCKET, *(each.bucket for each in _OTHER_ARCHIVES)):
    check_not_served(_bucket, _PRIVATE)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Security
SECRET_KEY = environment.secret_key("SECRET_KEY", keep_in=HOME / home.SECRET_KEY_FILE)
ALLOWED_HOSTS = environment.texts("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
BEHIND_HTTPS = environment.flag("BEHIND_HTTPS", default=False)
DEBUG = False
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_HTTPS else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_HTTPS
SECURE_SSL_REDIRECT = BEHIND_HTTPS
# apt checks what lies there by signed hashes, and old clients have no HTTPS. The root's files nothing checks.
SECURE_REDIRECT_EXEMPT = [r"^repository/([a-z][a-z0-9-]*/)?(dists|pool)/"]
SECURE_HSTS_SECONDS = _YEAR_SECONDS if BEHIND_HTTPS else 0
# HSTS for subdomains, and the browsers' preload list, are for the owner of the whole domain to decide.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS if host != "*"] if BEHIND_HTTPS else []
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
# Not Strict: a link in a notice leads to a page, not to the login.
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
# Scripts come from this server's files alone, never from a page's text. The theme forces two exceptions: Alpine.js
# makes functions of the expressions in its templates ('unsafe-eval'), and the theme's colours are a style element,
# to which htmx adds another ('unsafe-inline' for styles only). Its style sheet has small pictures as data: addresses.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, UNSAFE_EVAL],
        "script-src-attr": [NONE],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
# Read here, once the settings file is.
from repomgr.saml_settings import *  # noqa: E402, F403 - all that both hold are settings
from repomgr.saml_settings import check_hosts  # noqa: E402
from repomgr.sign_in_settings import *  # noqa: E402, F403
from repomgr.sign_in_settings import ACCOUNT_LINKS, SIGN_IN_APPS, SIGN_IN_MIDDLEWARE  # noqa: E402

check_hosts(ALLOWED_HOSTS)

UPLOAD_LIMIT_BYTES = environment.number("UPLOAD_LIMIT_BYTES", default=2 * 1024**3)
# How often machines may ask, in each web process (`machine_limits`). It has six threads for pushes.
API_REQUESTS_A_MINUTE = environment.number("API_REQUESTS_A_MINUTE", default=600)
API_REFUSED_TOKENS_A_MINUTE = environment.number("API_REFUSED_TOKENS_A_MINUTE", default=30)
API_UPLOADS_AT_ONCE = environment.number("API_UPLOADS_AT_ONCE", default=4)
DPUT_SIGNATURES = environment.choice("DPUT_SIGNATURES", ("required", "accepted"), default="required")
# Uploads go to disk above this size, so a large .deb never stands in memory.
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# Celery
BROKER_URL = environment.broker("BROKER_URL", default="filesystem://")
CELERY_BROKER_URL = BROKER_URL
BROKER_FOLDER = HOME / home.BROKER
# A worker that is not told otherwise takes of all; one for `publish` alone is held up by no intake and no long check.
# What is no job goes to the first, but for what waits for servers of others.
CELERY_TASK_QUEUES = [Queue(name, Exchange(name), routing_key=name) for name in QUEUES]
CELERY_TASK_DEFAULT_QUEUE = "publish"
CELERY_TASK_ROUTES = {
    f"packages_app.tasks.{name}": {"queue": "intake"} for name in ("send_notices", "send_webhooks", "watch_expiry")
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_TIMEZONE = "UTC"
# A web request must not hang when the broker is away: the job is in the database, and beat wakes it later.
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = {"socket_connect_timeout": 3, "socket_timeout": 10}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.2}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Nothing asks workers by their broker, where a word that is no message would end them.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
if BROKER_URL == "filesystem://":
    CELERY_BROKER_URL = "filesystem://localhost//"
    for _folder in ("queue", "control") if _AT_HOME else ():
        (BROKER_FOLDER / _folder).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_FOLDER / "queue"),
        "data_folder_out": str(BROKER_FOLDER / "queue"),
        "control_folder": str(BROKER_FOLDER / "control"),
        "unreadable_folder": str(BROKER_FOLDER / "unreadable"),
    }

# Django
ROOT_URLCONF = "repomgr.urls"
WSGI_APPLICATION = "repomgr.wsgi.application"
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "repomgr.admin_config.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "django_structlog",
    "axes",
    *SIGN_IN_APPS,
    "packages_app",
]
MIDDLEWARE = [
    "repomgr.metrics.metrics_middleware",
    "repomgr.archive_addresses.archive_middleware",
    "repomgr.health.health_middleware",
    "repomgr.headers.headers_middleware",
    "repomgr.machines.problems_middleware",
    "repomgr.door.door_middleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "repomgr.audited.audited_middleware",
    "repomgr.machines.machines_middleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "repomgr.door.RequestLog",
    *SIGN_IN_MIDDLEWARE,
    "repomgr.sign_in_door.SignInDoor",
    # Last, so that it sees the login's own answer.
    "axes.middleware.AxesMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [TEMPLATES_DIR],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "packages_app.admin.foot.shown_version",
            ]
        },
    }
]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False
FORMAT_MODULE_PATH = ["repomgr.formats"]
STATIC_URL = "/static/"
STATIC_ROOT = HOME / home.STATIC
# The scripts of the API's page. django-ninja as an app would be imported by every process.
STATICFILES_DIRS = [environment.folder_of_package("ninja", "static")]
if _AT_HOME:
    STATIC_ROOT.mkdir(exist_ok=True)
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# Logs: one line an event, JSON unless a person watches the terminal. To a person a command says itself what it does
# and what failed; its log has more to say where it is asked for.
LOG_LEVEL = environment.text("LOG_LEVEL", default="INFO")
LOG_FORMAT = environment.choice("LOG_FORMAT", ("json", "console"), default="") or (
    "console" if sys.stderr.isatty() else "json"
)
LOGGING_CONFIG = "repomgr.logs.configure"
LOGGING = {"level": LOG_LEVEL, "format": LOG_FORMAT}
LOG_LEVEL_FOR_PEOPLE = environment.text("LOG_LEVEL", default="CRITICAL")
DJANGO_STRUCTLOG_CELERY_ENABLED = True

UNFOLD = look(STATIC_URL, ACCOUNT_LINKS)
