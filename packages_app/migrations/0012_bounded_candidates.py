"""Held candidates' rows hold counts and the first names; what they name whole, and what was cleared, have own rows."""

import hashlib
import json
import zlib

import django.db.models.deletion
from django.db import migrations, models

BATCH = 20  # a row's lists may be some megabytes
FIRST = 100
PACKAGES = ("added", "removed")
CAUTIONS = {
    "essential", "important", "protected", "setuid", "diversion", "version_jump", "bootstrap_key", "bootstrap_source",
    "bootstrap_fields", "bootstrap_scripts", "bootstrap_files",
}
OF_ONE_VERSION = ("bootstrap_key", "bootstrap_source", "bootstrap_files")


def bound(apps, schema_editor):
    """Cut the lists of each candidate, keep those that were longer beside it, and what published ones have cleared."""
    candidates, lists, cleared = (
        apps.get_model("packages_app", name) for name in ("HeldCandidate", "HeldLists", "ClearedCaution")
    )
    last = 0
    while rows := list(candidates.objects.filter(pk__gt=last).order_by("pk")[:BATCH]):
        for row in rows:
            whole = {"findings": row.findings, "added": row.added, "removed": row.removed}
            if row.state == "published":
                cleared.objects.bulk_create(
                    (cleared(suite=row.suite, **each) for each in cleared_by(row.findings)),
                    batch_size=1000,
                    ignore_conflicts=True,
                )
            if any(len(each) > FIRST for each in (row.added, row.removed, *(one["items"] for one in row.findings))):
                lists.objects.create(held=row, packed=zlib.compress(json.dumps(whole).encode()))
            row.codes = [finding["code"] for finding in row.findings]
            row.findings = [
                {**finding, "items": finding["items"][:FIRST], "count": len(finding["items"])}
                for finding in row.findings
            ]
            for name in PACKAGES:
                setattr(row, f"{name}_count", len(whole[name]))
                setattr(row, name, whole[name][:FIRST])
            row.save()
        last = rows[-1].pk


def cleared_by(findings):
    """Give what the approval of these findings has cleared."""
    for finding in findings:
        for item in finding["items"] if finding["code"] in CAUTIONS else ():
            name, version, architecture, said = item.split(" ", 3)
            package = f"{name} {version} {architecture}" if said.partition(":")[0] in OF_ONE_VERSION else name
            digest = hashlib.sha256(json.dumps([package, said]).encode()).hexdigest()
            yield {"digest": digest, "package": package, "said": said}


class Migration(migrations.Migration):

    dependencies = [
        ('packages_app', '0011_disk_notice'),
    ]

    operations = [
        migrations.CreateModel(
            name='ClearedCaution',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('suite', models.CharField(max_length=64)),
                ('digest', models.CharField(editable=False, max_length=64)),
                ('package', models.TextField()),
                ('said', models.TextField(verbose_name='caution')),
                ('cleared', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ('-pk',),
                'default_permissions': ('view',),
            },
        ),
        migrations.AddConstraint(
            model_name='clearedcaution',
            constraint=models.UniqueConstraint(fields=('suite', 'digest'), name='caution_cleared_once'),
        ),
        migrations.CreateModel(
            name='HeldLists',
            fields=[
                ('held', models.OneToOneField(
                    on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='lists',
                    serialize=False, to='packages_app.heldcandidate',
                )),
                ('packed', models.BinaryField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.AddField(
            model_name='heldcandidate',
            name='codes',
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name='heldcandidate',
            name='added_count',
            field=models.PositiveIntegerField(default=0, verbose_name='packages that would come'),
        ),
        migrations.AddField(
            model_name='heldcandidate',
            name='removed_count',
            field=models.PositiveIntegerField(default=0, verbose_name='packages that would go'),
        ),
        migrations.RunPython(bound, migrations.RunPython.noop),
    ]
