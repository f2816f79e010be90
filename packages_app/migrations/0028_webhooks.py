"""Webhooks, and what is delivered to them."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from packages_app.models.of_archive import slug_of_rows

KINDS = [
    ("new_version", "new version published"), ("version_conflict", "version conflict"),
    ("signature_refused", "signature refused"), ("job_failed", "job failed"), ("expiry_near", "expiry near"),
    ("verification_failed", "verification failed"), ("candidate_held", "candidate held back"),
    ("files_missing", "pool files missing"), ("clock_wrong", "clock wrong"),
    ("records_left_out", "records left out"), ("record_not_mirrored", "record without a row"),
    ("disk_nearly_full", "disk nearly full"), ("uninstallable", "packages can't be installed"),
    ("configuration_faulty", "configuration at fault"), ("hand_made_version", "version made by hand"),
    ("message_unreadable", "message can't be read"), ("webhook_failed", "webhook not received"),
]  # fmt: skip
EVENTS = [
    ("publication.made", "publication made"), ("publication.held", "publication held back"),
    ("version.added", "new version taken in"), ("version.withdrawn", "version withdrawn"),
    ("version.purged", "version purged"), ("version.conflict", "version offered with other bytes"),
    ("job.failed", "job failed"), ("expiry.near", "expiry near"), ("webhook.test", "test"),
]  # fmt: skip
STATES = [("waiting", "waiting"), ("received", "received"), ("given_up", "given up")]
KEY = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")
ARCHIVE = models.CharField(default=slug_of_rows, editable=False, max_length=32)


class Migration(migrations.Migration):
    """Adds tables; no row is touched."""

    dependencies = [("packages_app", "0027_rights")]

    operations = [
        migrations.AlterField(model_name="notice", name="kind", field=models.CharField(choices=KINDS, max_length=32)),
        migrations.CreateModel(
            name="Webhook",
            fields=[
                ("id", KEY),
                ("archive", ARCHIVE),
                ("name", models.CharField(max_length=64)),
                ("address", models.CharField(max_length=1024)),
                ("events", models.JSONField(default=list)),
                ("packages", models.CharField(blank=True, max_length=1000)),
                ("suites", models.CharField(blank=True, max_length=1000)),
                ("enabled", models.BooleanField(default=True)),
                ("sealed_secret", models.TextField(editable=False)),
                ("old_secrets", models.JSONField(default=list, editable=False)),
                ("secret_made", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("next_turn", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("off_why", models.TextField(blank=True, editable=False)),
                ("created", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ("name", "pk"),
                "permissions": (("change_webhook", "Can see, add, change and remove webhooks, and send again"),),
                "default_permissions": (),
                "indexes": [models.Index(fields=["archive", "enabled"], name="webhook_by_state")],
            },
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("id", KEY),
                ("archive", ARCHIVE),
                ("event_id", models.CharField(max_length=64)),
                ("event", models.CharField(choices=EVENTS, max_length=32)),
                ("payload", models.TextField()),
                ("state", models.CharField(choices=STATES, default="waiting", max_length=16)),
                ("tries", models.PositiveIntegerField(default=0)),
                ("next_try", models.DateTimeField(default=django.utils.timezone.now)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("tried", models.DateTimeField(null=True, verbose_name="last tried")),
                ("received", models.DateTimeField(null=True)),
                ("response_code", models.PositiveIntegerField(null=True)),
                ("response", models.TextField(blank=True)),
                ("failure", models.TextField(blank=True)),
                ("webhook", models.ForeignKey(
                    db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name="deliveries",
                    to="packages_app.webhook",
                )),
            ],
            options={
                "verbose_name_plural": "webhook deliveries",
                "ordering": ("-created", "-id"),
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["archive", "state", "next_try"], name="webhook_delivery_due"),
                    models.Index(fields=["archive", "-created", "-id"], name="webhook_delivery_by_time"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("archive", "webhook", "event_id"), name="one_delivery_an_event"),
                ],
            },
        ),
    ]
