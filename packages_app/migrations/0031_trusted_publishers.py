"""Trusted publishers: who they are, their grants, the tokens that they were given, and what they have shown."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import packages_app.models.of_archive

HOLDERS = ("user", "group", "token", "publisher")
KINDS = [("github", "GitHub Actions"), ("gitlab", "GitLab CI"), ("other", "another issuer (OpenID Connect)")]


def archive():
    """Return the column of the archive."""
    return models.CharField(default=packages_app.models.of_archive.slug_of_rows, editable=False, max_length=32)


def number():
    """Return the column of a row's number."""
    return models.BigAutoField(primary_key=True, auto_created=True, serialize=False, verbose_name="ID")


def one_holder():
    """Return the condition of a grant: exactly one of its holders is named."""
    condition = models.Q()
    for own in HOLDERS:
        others = {f"{name}__isnull": name != own for name in HOLDERS}
        condition |= models.Q(**others)
    return condition


class Migration(migrations.Migration):
    """New tables and columns, which are empty at first."""

    dependencies = [("packages_app", "0030_answered_requests")]

    operations = [
        migrations.CreateModel(
            name="TrustedPublisher",
            fields=[
                ("id", number()),
                ("archive", archive()),
                ("name", models.CharField(max_length=64)),
                ("kind", models.CharField(choices=KINDS, max_length=16)),
                ("issuer", models.CharField(max_length=255)),
                ("repository", models.CharField(blank=True, max_length=255)),
                ("repository_id", models.CharField(blank=True, max_length=32)),
                ("owner_id", models.CharField(blank=True, max_length=32)),
                ("workflow", models.CharField(blank=True, max_length=255)),
                ("ref", models.CharField(default="*", max_length=255)),
                ("protected", models.BooleanField(default=True)),
                ("environment", models.CharField(blank=True, max_length=255)),
                ("claims", models.JSONField(default=dict)),
                ("made", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_used", models.DateTimeField(null=True)),
            ],
            options={"ordering": ("name",), "default_permissions": ("view",)},
        ),
        migrations.CreateModel(
            name="SpentIdentity",
            fields=[
                ("id", number()),
                ("archive", archive()),
                ("digest", models.CharField(max_length=64)),
                ("expires", models.DateTimeField()),
            ],
            options={"default_permissions": ()},
        ),
        migrations.AddIndex(
            model_name="trustedpublisher", index=models.Index(fields=["archive", "issuer"], name="publisher_by_issuer")
        ),
        migrations.AddConstraint(
            model_name="trustedpublisher",
            constraint=models.UniqueConstraint(fields=("archive", "name"), name="trusted_publisher_once"),
        ),
        migrations.AddIndex(
            model_name="spentidentity", index=models.Index(fields=["archive", "expires"], name="spent_by_end")
        ),
        migrations.AddConstraint(
            model_name="spentidentity",
            constraint=models.UniqueConstraint(fields=("archive", "digest"), name="spent_once"),
        ),
        migrations.AddField(
            model_name="accesstoken",
            name="publisher",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, to="packages_app.trustedpublisher"
            ),
        ),
        migrations.AddField(model_name="accesstoken", name="built_from", field=models.JSONField(default=dict)),
        migrations.RemoveConstraint(model_name="accessgrant", name="one_holder_a_grant"),
        migrations.AddField(
            model_name="accessgrant",
            name="publisher",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name="grants",
                to="packages_app.trustedpublisher",
            ),
        ),
        migrations.AddConstraint(
            model_name="accessgrant",
            constraint=models.CheckConstraint(condition=one_holder(), name="one_holder_a_grant"),
        ),
    ]  # fmt: skip
