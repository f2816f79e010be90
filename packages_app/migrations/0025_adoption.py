"""Jobs adopt repositories."""

from django.db import migrations, models

KINDS = [
    ("sync_packages", "check upstream"), ("intake_upload", "take in an upload"),
    ("build_bootstrap", "build a bootstrap package"), ("publish", "publish"), ("force_rebuild", "force rebuild"),
    ("refresh_signatures", "renew signatures"), ("reconcile_mirror", "reconcile the mirror"),
    ("verify_repository", "verify the repository"), ("repair_repository", "repair the repository"),
    ("sweep", "sweep"), ("move", "move between suites"), ("roll_back", "roll back"),
    ("retain", "retain"), ("promote_by_policy", "promote by policy"), ("purge", "purge"), ("snapshot", "snapshot"),
    ("keys", "signing keys"), ("adopt_repository", "adopt a repository"),
]  # fmt: skip


class Migration(migrations.Migration):
    """Changes what a column may say; no row is touched."""

    dependencies = [("packages_app", "0024_archive")]

    operations = [
        migrations.AlterField(model_name="job", name="kind", field=models.CharField(choices=KINDS, max_length=32)),
    ]
