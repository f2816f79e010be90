"""Keys of those who upload by dput."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import packages_app.models.of_archive


class Migration(migrations.Migration):
    """A table that is empty at first."""

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("packages_app", "0031_trusted_publishers"),
    ]

    operations = [
        migrations.CreateModel(
            name="UploaderKey",
            fields=[
                ("id", models.BigAutoField(primary_key=True, auto_created=True, serialize=False, verbose_name="ID")),
                ("archive", models.CharField(default=packages_app.models.of_archive.slug_of_rows, editable=False,
                                             max_length=32)),
                ("fingerprint", models.CharField(max_length=40)),
                ("names", models.TextField(blank=True)),
                ("public_key", models.TextField()),
                ("added", models.DateTimeField(default=django.utils.timezone.now)),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE,
                                           to=settings.AUTH_USER_MODEL)),
            ],
            options={"verbose_name": "uploader key", "ordering": ("-added",), "default_permissions": ()},
        ),
        migrations.AddConstraint(
            model_name="uploaderkey",
            constraint=models.UniqueConstraint(fields=("archive", "fingerprint"), name="uploader_key_once"),
        ),
    ]  # fmt: skip
