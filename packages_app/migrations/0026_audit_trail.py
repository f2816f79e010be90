"""The audit trail, with triggers that keep its lines; and who asked for a job, or decided, by a name that stays."""

import uuid

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import OuterRef, Subquery

from packages_app.models import audit_guards


def name_askers(apps, schema_editor):
    """Keep the names of those who asked and decided, before their users can go."""
    Job, Held = (apps.get_model("packages_app", name) for name in ("Job", "HeldCandidate"))
    users = apps.get_model("auth", "User").objects
    Job.objects.exclude(requested_by=None).update(
        asker_kind="person", asker_name=Subquery(users.filter(pk=OuterRef("requested_by")).values("username"))
    )
    Held.objects.exclude(decided_by=None).update(
        decider_name=Subquery(users.filter(pk=OuterRef("decided_by")).values("username"))
    )


def guard(apps, schema_editor):
    """Make the triggers."""
    audit_guards.guard(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [
        ("packages_app", "0025_adoption"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditCut",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("upto", models.BigIntegerField(unique=True)),
                ("digest", models.CharField(max_length=64)),
                ("made", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ("upto",),
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="heldcandidate",
            name="decider_name",
            field=models.CharField(blank=True, default="", max_length=255),
        ),
        migrations.AddField(
            model_name="job",
            name="asked_from",
            field=models.CharField(blank=True, default="", max_length=255),
        ),
        migrations.AddField(
            model_name="job",
            name="asker_kind",
            field=models.CharField(blank=True, default="", max_length=16),
        ),
        migrations.AddField(
            model_name="job",
            name="asker_name",
            field=models.CharField(blank=True, default="", max_length=255),
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("happened", models.DateTimeField(verbose_name="when")),
                ("deed", models.UUIDField(default=uuid.uuid4)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("person", "person"),
                            ("token", "token"),
                            ("publisher", "publisher"),
                            ("command", "command"),
                            ("clock", "clock"),
                            ("nobody", "nobody"),
                        ],
                        max_length=16,
                        verbose_name="kind of actor",
                    ),
                ),
                ("actor", models.CharField(blank=True, max_length=255, verbose_name="who")),
                ("actor_number", models.CharField(blank=True, max_length=64)),
                ("address", models.CharField(blank=True, max_length=255, verbose_name="from")),
                ("what", models.CharField(max_length=128)),
                ("subject", models.CharField(blank=True, max_length=255)),
                ("packages", models.TextField(blank=True)),
                ("suites", models.TextField(blank=True)),
                ("before", models.TextField(blank=True)),
                ("after", models.TextField(blank=True)),
                ("given", models.TextField(blank=True, verbose_name="asked with")),
                (
                    "result",
                    models.CharField(
                        choices=[
                            ("done", "done"),
                            ("asked", "asked"),
                            ("refused", "refused"),
                            ("failed", "failed"),
                            ("shown", "shown"),
                        ],
                        max_length=16,
                    ),
                ),
                ("code", models.CharField(blank=True, max_length=64, verbose_name="error")),
                ("job", models.CharField(blank=True, max_length=36)),
                ("archive", models.CharField(blank=True, default="", editable=False, max_length=32)),
                ("number", models.BigIntegerField(editable=False, null=True, unique=True)),
                ("previous", models.CharField(blank=True, editable=False, max_length=64)),
                ("digest", models.CharField(blank=True, editable=False, max_length=64)),
            ],
            options={
                "verbose_name_plural": "audit trail",
                "ordering": ("-id",),
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["archive", "happened"], name="audit_by_time"),
                    models.Index(fields=["archive", "actor", "-id"], name="audit_by_actor"),
                    models.Index(fields=["archive", "what", "-id"], name="audit_by_deed"),
                    models.Index(condition=models.Q(("number", None)), fields=["archive", "id"], name="audit_unsealed"),
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditName",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=[("package", "package"), ("suite", "suite")], max_length=8)),
                ("name", models.CharField(max_length=255)),
                (
                    "entry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="names", to="packages_app.auditentry"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(fields=["kind", "name", "-entry"], name="audit_by_name")],
            },
        ),
        migrations.RunPython(name_askers, migrations.RunPython.noop),
        migrations.RunPython(guard, migrations.RunPython.noop),
    ]
