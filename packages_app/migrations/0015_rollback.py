"""Publications can be pinned and rolled back to."""

from django.db import migrations, models

JOBS = [
    ("sync_packages", "check upstream"), ("intake_upload", "take in an upload"),
    ("build_bootstrap", "build a bootstrap package"), ("publish", "publish"), ("force_rebuild", "force rebuild"),
    ("refresh_signatures", "renew signatures"), ("reconcile_mirror", "reconcile the mirror"),
    ("verify_repository", "verify the repository"), ("repair_repository", "repair the repository"),
    ("sweep", "sweep"), ("move", "move between suites"), ("roll_back", "roll back"),
]  # fmt: skip
PUBLICATIONS = [
    ("publish", "publish"), ("force_rebuild", "force rebuild"), ("refresh_signatures", "signature renewed"),
    ("roll_back", "rolled back"),
]  # fmt: skip


class Migration(migrations.Migration):
    """Changes what columns may say, and adds a column."""

    dependencies = [("packages_app", "0014_notices")]

    operations = [
        migrations.AlterField(model_name="job", name="kind", field=models.CharField(choices=JOBS, max_length=32)),
        migrations.AlterField(
            model_name="publication", name="kind", field=models.CharField(choices=PUBLICATIONS, max_length=32)
        ),
        migrations.AddField(
            model_name="publication", name="pinned", field=models.BooleanField("kept for ever", default=False)
        ),
    ]
