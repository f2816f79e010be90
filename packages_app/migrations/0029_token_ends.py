"""A kind of notice more: of a token that is used and ends soon."""

from django.db import migrations, models

KINDS = [
    ("new_version", "new version published"), ("version_conflict", "version conflict"),
    ("signature_refused", "signature refused"), ("job_failed", "job failed"), ("expiry_near", "expiry near"),
    ("verification_failed", "verification failed"), ("candidate_held", "candidate held back"),
    ("files_missing", "pool files missing"), ("clock_wrong", "clock wrong"),
    ("records_left_out", "records left out"), ("record_not_mirrored", "record without a row"),
    ("disk_nearly_full", "disk nearly full"), ("uninstallable", "packages can't be installed"),
    ("configuration_faulty", "configuration at fault"), ("hand_made_version", "version made by hand"),
    ("token_ends", "token ends"), ("message_unreadable", "message can't be read"),
    ("webhook_failed", "webhook not received"),
]  # fmt: skip


class Migration(migrations.Migration):
    """No row is touched."""

    dependencies = [("packages_app", "0028_webhooks")]

    operations = [
        migrations.AlterField(model_name="notice", name="kind", field=models.CharField(choices=KINDS, max_length=32)),
    ]
