"""The list of conflicts is read in its order: it was sorted whole for each page."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds an index; no row is touched."""

    dependencies = [("packages_app", "0020_build")]

    operations = [
        migrations.AddIndex(
            model_name="conflict",
            index=models.Index(fields=["settled", "-seen", "-id"], name="conflict_by_state"),
        ),
    ]
