"""Rights by packages and suites, tokens, and what who asked for a job might do; a right of bootstrap packages' own."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import packages_app.models.of_archive

ACTIONS = [(name, name) for name in ("read", "upload", "hotfix", "bootstrap", "publish", "keys", "administer")]
HOLDERS = ("user", "group", "token")
ARCHIVE = models.CharField(default=packages_app.models.of_archive.slug_of_rows, editable=False, max_length=32)


def give_bootstrap(apps, _editor):
    """Let those offer bootstrap packages who might until now: the publishers."""
    rights = apps.get_model("auth", "Permission").objects
    publish = rights.filter(content_type__app_label="packages_app", codename="publish_suite").first()
    if publish is None:  # a new installation, whose rights are made when all migrations are done
        return
    package, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="packages_app", model="package"
    )
    bootstrap, _ = rights.get_or_create(
        content_type=package, codename="bootstrap_package", defaults={"name": "Can build and upload bootstrap packages"}
    )
    for holder in (*publish.group_set.all(), *publish.user_set.all()):
        holder_rights = holder.permissions if hasattr(holder, "permissions") else holder.user_permissions
        holder_rights.add(bootstrap)


def one_holder():
    """Return the condition of a grant: exactly one of its holders is named."""
    condition = models.Q()
    for own in HOLDERS:
        others = {f"{name}__isnull": name != own for name in HOLDERS}
        condition |= models.Q(**others)
    return condition


class Migration(migrations.Migration):
    """New tables and columns, which are empty at first."""

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("packages_app", "0026_audit_trail"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="package",
            options={
                "ordering": ("package_name", "-version_key", "architecture"),
                "permissions": (
                    ("upload_package", "Can upload packages"),
                    ("hotfix_package", "Can upload versions of packages that a source watches"),
                    ("bootstrap_package", "Can build and upload bootstrap packages"),
                ),
            },
        ),
        migrations.CreateModel(
            name="AccessToken",
            fields=[
                ("id", models.BigAutoField(primary_key=True, auto_created=True, serialize=False, verbose_name="ID")),
                ("archive", ARCHIVE),
                ("name", models.CharField(max_length=64)),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("hint", models.CharField(max_length=4)),
                ("made", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires", models.DateTimeField()),
                ("revoked", models.DateTimeField(null=True)),
                ("last_used", models.DateTimeField(null=True)),
                ("last_address", models.CharField(blank=True, max_length=64)),
                ("owner", models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE,
                                            to=settings.AUTH_USER_MODEL)),
            ],
            options={"verbose_name": "access token", "ordering": ("-made",), "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="AccessGrant",
            fields=[
                ("id", models.BigAutoField(primary_key=True, auto_created=True, serialize=False, verbose_name="ID")),
                ("archive", ARCHIVE),
                ("action", models.CharField(choices=ACTIONS, max_length=16)),
                ("packages", models.CharField(default="*", max_length=128)),
                ("suites", models.CharField(default="*", max_length=128)),
                ("user", models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE,
                                           to=settings.AUTH_USER_MODEL)),
                ("group", models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE,
                                            related_name="access_grants", to="auth.group")),
                ("token", models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE,
                                            related_name="grants", to="packages_app.accesstoken")),
            ],
            options={"verbose_name": "right", "ordering": ("id",)},
        ),
        migrations.AddField(model_name="job", name="rights", field=models.JSONField(null=True)),
        migrations.AddField(
            model_name="job",
            name="token",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL,
                                    to="packages_app.accesstoken"),
        ),
        migrations.AddIndex(
            model_name="accesstoken", index=models.Index(fields=["archive", "owner"], name="token_by_owner")
        ),
        migrations.AddConstraint(
            model_name="accessgrant",
            constraint=models.CheckConstraint(condition=one_holder(), name="one_holder_a_grant"),
        ),
        migrations.RunPython(give_bootstrap, migrations.RunPython.noop),
    ]  # fmt: skip
