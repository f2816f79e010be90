"""Publications name packages that can't be installed any more, and a notice tells of them."""

from django.db import migrations, models

KINDS = [
    ("new_version", "new version published"), ("version_conflict", "version conflict"),
    ("signature_refused", "signature refused"), ("job_failed", "job failed"), ("expiry_near", "expiry near"),
    ("verification_failed", "verification failed"), ("candidate_held", "candidate held back"),
    ("files_missing", "pool files missing"), ("clock_wrong", "clock wrong"),
    ("records_left_out", "records left out"), ("record_not_mirrored", "record without a row"),
    ("disk_nearly_full", "disk nearly full"), ("uninstallable", "packages can't be installed"),
    ("message_unreadable", "message can't be read"),
]  # fmt: skip


class Migration(migrations.Migration):
    """Adds columns with defaults; no row is touched."""

    dependencies = [("packages_app", "0018_snapshots")]

    operations = [
        migrations.AlterField(model_name="notice", name="kind", field=models.CharField(choices=KINDS, max_length=32)),
        migrations.AddField(
            model_name="publication", name="uninstallable",
            field=models.JSONField(default=list, verbose_name="can't be installed any more"),
        ),
        migrations.AddField(
            model_name="publication", name="uninstallable_count",
            field=models.PositiveIntegerField(default=0, verbose_name="packages that can't be installed any more"),
        ),
    ]
