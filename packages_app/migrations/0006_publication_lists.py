"""Publications hold counts and the first names. Those that are there keep their lists whole; only counts are added."""

from django.db import migrations, models

BATCH = 100  # a row's lists may be some megabytes
LISTS = ("added", "removed", "left_out", "missing_files")


def count(apps, schema_editor):
    """Write how many items each list of each publication has."""
    publication = apps.get_model("packages_app", "Publication")
    counts = [f"{name}_count" for name in LISTS]
    last = 0
    while rows := list(publication.objects.filter(pk__gt=last).order_by("pk").only(*LISTS)[:BATCH]):
        for row in rows:
            for name in LISTS:
                setattr(row, f"{name}_count", len(getattr(row, name)))
        publication.objects.bulk_update(rows, counts)
        last = rows[-1].pk


class Migration(migrations.Migration):

    dependencies = [
        ('packages_app', '0005_job_wakes'),
    ]

    operations = [
        *(
            migrations.AddField(
                model_name='publication',
                name=f'{name}_count',
                field=models.PositiveIntegerField(default=0, verbose_name=title),
            )
            for name, title in (
                ('added', 'packages added'),
                ('removed', 'packages removed'),
                ('left_out', 'records left out'),
                ('missing_files', 'pool files missing'),
            )
        ),
        migrations.AddField(
            model_name='publication',
            name='lists_key',
            field=models.CharField(blank=True, max_length=255, verbose_name='whole lists'),
        ),
        migrations.RunPython(count, migrations.RunPython.noop),
    ]
