from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("packages_app", "0019_uninstallable"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="conflict", name="one_conflict_an_offer"),
        migrations.RemoveConstraint(model_name="package", name="package_key"),
        migrations.AddField(
            model_name="conflict",
            name="build",
            field=models.CharField(blank=True, default="", max_length=40),
        ),
        migrations.AddField(
            model_name="package",
            name="build",
            field=models.CharField(blank=True, default="", max_length=40),
        ),
        migrations.AddConstraint(
            model_name="conflict",
            constraint=models.UniqueConstraint(
                fields=("package_name", "version", "architecture", "build", "offered_sha256", "offered_size"),
                name="one_conflict_an_offer",
            ),
        ),
        migrations.AddConstraint(
            model_name="package",
            constraint=models.UniqueConstraint(fields=("package_id", "architecture", "build"), name="package_key"),
        ),
    ]
