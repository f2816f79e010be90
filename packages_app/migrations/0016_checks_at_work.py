"""Which job has the check of a definition in hand."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds a column that is empty where nothing runs."""

    dependencies = [("packages_app", "0015_rollback")]

    operations = [
        migrations.AddField(
            model_name="definitionstatus",
            name="checked_by",
            field=models.ForeignKey(
                editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+",
                to="packages_app.job",
            ),
        ),
    ]  # fmt: skip
