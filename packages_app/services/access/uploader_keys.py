"""Keys by which people sign what they upload by dput: added and removed by each, and asked whose a signature is."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from pysequoia import ArmorKind, armor

from packages_app.core.errors import PackageRefused, RecordNotFound, RepomgrError
from packages_app.core.rights import Action, right_missing
from packages_app.core.storable_text import storable
from packages_app.models import UploaderKey
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import own_rights
from packages_app.services.rights.shown_token import shown_token
from packages_app.signing.bindings import signing_subkeys
from packages_app.signing.external import certificates_in
from packages_app.signing.key_facts import check_key
from packages_app.signing.openpgp import verified_text
from packages_app.signing.signer_errors import KeyExpired
from packages_app.signing.unproven import claims_of, keys_in

LONGEST_KEY = 64 * 1024
"""Characters of an armored key."""
_MOST_OF_ONE = 20
_LONGEST_NAMES = 1000


class UploaderKeyRefused(PackageRefused):
    """What was given is no public key that could sign uploads."""

    code = "uploader_key_refused"


class ChangesUnsigned(PackageRefused):
    """A .changes bears no signature of an uploader's key that is known here."""

    code = "changes_unsigned"


class ChangesSignatureBad(PackageRefused):
    """A .changes says to be signed by a key that is known here, and is not."""

    code = "changes_signature_bad"


def add_key(text: str, user: Asker) -> UploaderKey:
    """Keep a person's public key; return its row. Raise `UploaderKeyRefused`, and `RightMissing` by a token."""
    _by_no_token()
    try:
        if len(text) > LONGEST_KEY:
            raise UploaderKeyRefused(f"The key is longer than {LONGEST_KEY} characters.", remedy=_REMEDY)
        [certificate] = certificates_in(text.encode())
        facts = check_key(bytes(certificate), timezone.now())
    except (RepomgrError, ValueError) as error:
        told = isinstance(error, UploaderKeyRefused | KeyExpired)
        said = getattr(error, "message", "") if told else "This is no public key that can sign."
        raise UploaderKeyRefused(said, remedy=_REMEDY) from error
    if UploaderKey.objects.filter(user_id=user.pk or 0).count() >= _MOST_OF_ONE:
        raise UploaderKeyRefused(f"You have {_MOST_OF_ONE} keys.", remedy="Remove those that sign nothing any more.")
    try:
        with transaction.atomic():
            return UploaderKey.objects.create(
                user_id=user.pk or 0,
                fingerprint=facts.fingerprint,
                names=storable("\n".join(facts.user_ids), _LONGEST_NAMES),
                public_key=armor(bytes(certificate), ArmorKind.PublicKey),
            )
    except IntegrityError as error:
        raise UploaderKeyRefused(
            f"The key {facts.fingerprint} is somebody's already.", remedy="Remove it there first, or use your own."
        ) from error


def remove_key(number: int, user: Asker) -> UploaderKey:
    """Remove a key of one's own, any of who administers; return it. Raise `RecordNotFound`."""
    _by_no_token()
    key = keys_of(user).filter(pk=number).first()
    if key is None:
        raise RecordNotFound(f"There is no key {number} of yours.", remedy="See those that are listed.")
    UploaderKey.objects.filter(pk=key.pk).delete()
    return key


def keys_of(user: Asker) -> QuerySet[UploaderKey]:
    """Return the keys that somebody may see and remove: his own, all of who administers."""
    rows = UploaderKey.objects.all()
    return rows if own_rights(user).may(Action.ADMINISTER) else rows.filter(user_id=user.pk or 0)


def signed_text(changes: bytes) -> tuple[bytes, UploaderKey]:
    """Return what is signed of a .changes, and whose key did; keys of people who may not sign in count for nothing.

    Raise `ChangesUnsigned`, `ChangesSignatureBad`.
    """
    claimed = {claim.key for claim in claims_of(changes)}
    rows = list(UploaderKey.objects.filter(user__is_active=True)) if claimed else []
    known = [row for row in rows if claimed & keys_in(row.public_key.encode()).keys()]
    for row in known:
        if (text := verified_text(changes, row.public_key.encode())) is not None:
            _require_valid(row, claimed)
            return text, row
    if known:
        raise ChangesSignatureBad(
            f"The signature of the .changes by {known[0].fingerprint} is not good.", remedy="Sign it again: debsign."
        )
    whose = f"is signed by {', '.join(sorted(claimed))[:200]}, which nobody has" if claimed else "is not signed"
    raise ChangesUnsigned(
        f"The .changes {whose}.",
        remedy="Sign it by debsign, with a key that you added in the admin: Access, Uploaders' keys.",
    )


def _require_valid(row: UploaderKey, claimed: set[str]) -> None:
    """Raise `ChangesSignatureBad` where the key, or its subkey that signs, has ended by now.

    The date of a signature is its maker's word: one from before the end proves nothing of when it was made.
    """
    certificate, now = bytes(certificates_in(row.public_key.encode())[0]), timezone.now()
    try:
        check_key(certificate, now)
    except RepomgrError as error:
        raise ChangesSignatureBad(error.message, remedy=_PROLONG) from error
    for fingerprint, end in signing_subkeys(certificate):
        if end is not None and end <= now and any(fingerprint.endswith(key) for key in claimed):
            raise ChangesSignatureBad(f"The subkey {fingerprint} expired on {end:%Y-%m-%d}.", remedy=_PROLONG)


def _by_no_token() -> None:
    if shown_token() is not None:
        raise right_missing(Action.ADMINISTER, "To change keys of uploaders by a token")


_PROLONG = "Sign with a key that is valid, and add it in the admin: one that was prolonged is removed there first."
_REMEDY = "Give what `gpg --armor --export FINGERPRINT` prints: one public key, Ed25519 or RSA of 3072 bits."
