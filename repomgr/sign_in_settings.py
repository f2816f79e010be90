"""Django's settings of signing in; `repomgr.settings` has them all. Read from the environment, as those are."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from django.urls import reverse_lazy

from packages_app.core.errors import SettingsError
from packages_app.core.second_factor import ALL, EVERYBODY, OFF, OFFERED, PUBLISHERS, SUPERUSERS
from packages_app.core.single_sign_on import OIDC, SingleSignOn
from repomgr import environment
from repomgr.saml_settings import SAML_SIGN_ON

# A user name is locked for an address after so many failures (django-axes), and the address for all names after four
# times as many; `axes_reset` unlocks.
AUTHENTICATION_BACKENDS = ["repomgr.login.GuessedAt", "packages_app.services.rights.in_archive.RightsInArchive"]
AXES_FAILURE_LIMIT = environment.number("LOGIN_ATTEMPTS", default=5)
AXES_COOLOFF_TIME = timedelta(minutes=15)
ADDRESS_FAILURE_LIMIT = 4 * AXES_FAILURE_LIMIT
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "repomgr.login.counted_address"
AXES_LOCKOUT_CALLABLE = "repomgr.login.locked_page"
AXES_RESET_ON_SUCCESS = True
# Attempts while it is locked neither count nor prolong it.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
# Its tables keep failures that still count, and of what was posted nothing that is secret; it logs nothing of them.
AXES_DISABLE_ACCESS_LOG = True
AXES_SENSITIVE_PARAMETERS = ["username", "csrfmiddlewaretoken", "code", "credential"]
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
# The admin's login is the one door.
LOGIN_URL, LOGIN_REDIRECT_URL = "admin:login", "admin:index"
# For so long a password or a second factor counts as just shown: keys, purges and rights ask for it anew later.
FRESH_MINUTES = environment.number("FRESH_MINUTES", default=15)
# The second factor, by django-allauth, whose applications are there only where a setting wants them.
SECOND_FACTOR = environment.choice("SECOND_FACTOR", (OFF, OFFERED, PUBLISHERS, ALL), default=OFF)
_HAS_FACTORS = SECOND_FACTOR != OFF
# Single sign-on by OpenID Connect: the issuer, what we are to it, and which of its groups are which of ours.
SIGN_IN_OIDC_ISSUER = environment.issuer("SIGN_IN_OIDC_ISSUER")
SIGN_IN_OIDC_NAME = environment.text("SIGN_IN_OIDC_NAME", default="") or urlsplit(SIGN_IN_OIDC_ISSUER).netloc
SIGN_IN_OIDC_CLIENT_ID = environment.text("SIGN_IN_OIDC_CLIENT_ID", default="")
SIGN_IN_OIDC_CLIENT_SECRET = environment.text("SIGN_IN_OIDC_CLIENT_SECRET", default="")
SIGN_IN_OIDC_GROUPS_CLAIM = environment.text("SIGN_IN_OIDC_GROUPS_CLAIM", default="groups")
SIGN_IN_OIDC_GROUPS = environment.pairs("SIGN_IN_OIDC_GROUPS")
SIGN_IN_OIDC_DOMAINS = environment.texts("SIGN_IN_OIDC_DOMAINS", default=[])
SIGN_IN_OIDC_SECOND_FACTOR = environment.flag("SIGN_IN_OIDC_SECOND_FACTOR", default=False)
SIGN_IN_PASSWORDS = environment.choice("SIGN_IN_PASSWORDS", (EVERYBODY, SUPERUSERS), default=EVERYBODY)
if SIGN_IN_OIDC_ISSUER and not (SIGN_IN_OIDC_CLIENT_ID and SIGN_IN_OIDC_GROUPS):
    raise SettingsError(
        "SIGN_IN_OIDC_ISSUER is set without SIGN_IN_OIDC_CLIENT_ID or SIGN_IN_OIDC_GROUPS.",
        remedy="Set both: what the issuer knows this server by, and which of its groups may do what, THEIRS=OURS each.",
    )
SINGLE_SIGN_ON = SAML_SIGN_ON
if SIGN_IN_OIDC_ISSUER:
    if SAML_SIGN_ON.kind:
        raise SettingsError(
            "SIGN_IN_OIDC_ISSUER and SIGN_IN_SAML_METADATA are both set.",
            remedy="Unset one of them: one place says who is in which group.",
        )
    SINGLE_SIGN_ON = SingleSignOn(
        OIDC, SIGN_IN_OIDC_NAME, SIGN_IN_OIDC_GROUPS, SIGN_IN_OIDC_GROUPS_CLAIM, SIGN_IN_OIDC_DOMAINS,
        SIGN_IN_OIDC_SECOND_FACTOR,
    )  # fmt: skip
if SIGN_IN_PASSWORDS != EVERYBODY and not SINGLE_SIGN_ON.kind:
    raise SettingsError(
        "SIGN_IN_PASSWORDS leaves nobody but superusers a way to sign in.",
        remedy="Set SIGN_IN_OIDC_ISSUER or SIGN_IN_SAML_METADATA first.",
    )
SIGN_IN_APPS = [
    *(["allauth", "allauth.account"] if _HAS_FACTORS or SINGLE_SIGN_ON.kind else []),
    *(["allauth.mfa"] if _HAS_FACTORS else []),
    *(["allauth.socialaccount"] if SINGLE_SIGN_ON.kind else []),
]
SOCIALACCOUNT_ADAPTER = "packages_app.services.sign_in.single_sign_on.SocialAdapter"
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_REQUESTS_TIMEOUT = 10
SIGN_IN_MIDDLEWARE = ["allauth.account.middleware.AccountMiddleware"] if SIGN_IN_APPS else []
ACCOUNT_ADAPTER = "packages_app.services.sign_in.account_adapter.AccountAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
MFA_ADAPTER = "packages_app.services.sign_in.factor_adapter.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
# A clock may be half a minute off. What a page of ours is for asks for a proof itself.
MFA_TOTP_TOLERANCE = 1
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_REAUTHENTICATION_REQUIRED = False
# What the menu of who is signed in leads to.
ACCOUNT_LINKS = [
    {"title": "Change password", "link": reverse_lazy("admin:password_change")},
    {"title": "Sessions", "link": reverse_lazy("admin:sessions")},
    *([{"title": "Second factor", "link": reverse_lazy("mfa_index")}] if _HAS_FACTORS else []),
]
