"""Answers by Idempotency-Key."""

import django.db.models.deletion
from django.db import migrations, models

import packages_app.models.of_archive


class Migration(migrations.Migration):
    """A table that is empty at first."""

    dependencies = [("packages_app", "0029_token_ends")]

    operations = [
        migrations.CreateModel(
            name="AnsweredRequest",
            fields=[
                ("id", models.BigAutoField(primary_key=True, auto_created=True, serialize=False, verbose_name="ID")),
                ("archive", models.CharField(default=packages_app.models.of_archive.slug_of_rows, editable=False,
                                             max_length=32)),
                ("key", models.CharField(max_length=255)),
                ("digest", models.CharField(max_length=64)),
                ("status", models.PositiveSmallIntegerField(default=0)),
                ("body", models.TextField(blank=True)),
                ("came", models.DateTimeField(auto_now_add=True)),
                ("token", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE,
                                            to="packages_app.accesstoken")),
            ],
            options={"default_permissions": ()},
        ),
        migrations.AddIndex(
            model_name="answeredrequest", index=models.Index(fields=["archive", "came"], name="answered_by_age")
        ),
        migrations.AddConstraint(
            model_name="answeredrequest",
            constraint=models.UniqueConstraint(fields=("archive", "token", "key"), name="answered_once"),
        ),
    ]  # fmt: skip
