"""Every row says of which archive it is; those that are there are of the only one that there was."""

from django.conf import settings
from django.db import migrations, models

from packages_app.models.of_archive import slug_of_rows


def of_archive(model_name):
    """Add the column; rows that are there are of `default`, whatever archives there are when this runs."""
    column = {"editable": False, "max_length": 32}
    made = migrations.AddField(model_name, "archive", models.CharField(default="default", **column))
    said = migrations.AddField(model_name, "archive", models.CharField(default=slug_of_rows, **column))
    return migrations.SeparateDatabaseAndState(database_operations=[made], state_operations=[said])


class Migration(migrations.Migration):

    dependencies = [
        ('packages_app', '0023_configuration_faulty'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='clearedcaution',
            name='caution_cleared_once',
        ),
        migrations.RemoveConstraint(
            model_name='conflict',
            name='one_conflict_an_offer',
        ),
        migrations.RemoveConstraint(
            model_name='heldcandidate',
            name='one_waiting_candidate_a_suite',
        ),
        migrations.RemoveConstraint(
            model_name='job',
            name='one_queued_job_a_subject',
        ),
        migrations.RemoveConstraint(
            model_name='notice',
            name='one_open_notice_a_matter',
        ),
        migrations.RemoveConstraint(
            model_name='package',
            name='package_key',
        ),
        migrations.RemoveConstraint(
            model_name='suitemembership',
            name='suite_member',
        ),
        migrations.RemoveIndex(
            model_name='conflict',
            name='conflict_by_state',
        ),
        migrations.RemoveIndex(
            model_name='job',
            name='job_by_state',
        ),
        migrations.RemoveIndex(
            model_name='job',
            name='job_by_age',
        ),
        migrations.RemoveIndex(
            model_name='job',
            name='job_by_end',
        ),
        migrations.RemoveIndex(
            model_name='job',
            name='queued_job_by_wake',
        ),
        migrations.RemoveIndex(
            model_name='notice',
            name='notice_by_state',
        ),
        migrations.RemoveIndex(
            model_name='package',
            name='package_by_version',
        ),
        migrations.RemoveIndex(
            model_name='package',
            name='package_by_intake',
        ),
        migrations.RemoveIndex(
            model_name='package',
            name='package_by_type',
        ),
        migrations.RemoveIndex(
            model_name='package',
            name='package_by_architecture',
        ),
        migrations.RemoveIndex(
            model_name='publication',
            name='publication_by_suite',
        ),
        migrations.RemoveIndex(
            model_name='suitemembership',
            name='suite_by_name',
        ),
        of_archive('clearedcaution'),
        of_archive('conflict'),
        of_archive('definitionstatus'),
        of_archive('heldcandidate'),
        of_archive('job'),
        of_archive('notice'),
        of_archive('package'),
        of_archive('packagename'),
        of_archive('publication'),
        of_archive('suitemembership'),
        migrations.AlterField(
            model_name='definitionstatus',
            name='name',
            field=models.CharField(max_length=255),
        ),
        migrations.AlterField(
            model_name='packagename',
            name='name',
            field=models.CharField(max_length=255),
        ),
        migrations.AddIndex(
            model_name='conflict',
            index=models.Index(fields=['archive', 'settled', '-seen', '-id'], name='conflict_by_state'),
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(fields=['archive', 'state', 'heartbeat'], name='job_by_state'),
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(fields=['archive', '-created'], name='job_by_age'),
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(fields=['archive', 'ended'], name='job_by_end'),
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(condition=models.Q(('state', 'queued')), fields=['archive', 'wake_at'], name='queued_job_by_wake'),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(fields=['archive', 'settled', '-seen'], name='notice_by_state'),
        ),
        migrations.AddIndex(
            model_name='package',
            index=models.Index(fields=['archive', 'package_name', '-version_key', 'architecture'], name='package_by_version'),
        ),
        migrations.AddIndex(
            model_name='package',
            index=models.Index(fields=['archive', '-processed_timestamp'], name='package_by_intake'),
        ),
        migrations.AddIndex(
            model_name='package',
            index=models.Index(fields=['archive', 'package_type', 'package_name', '-version_key', 'architecture'], name='package_by_type'),
        ),
        migrations.AddIndex(
            model_name='package',
            index=models.Index(fields=['archive', 'architecture', 'package_name', '-version_key', 'package_type'], name='package_by_architecture'),
        ),
        migrations.AddIndex(
            model_name='publication',
            index=models.Index(fields=['archive', 'suite', '-published_at'], name='publication_by_suite'),
        ),
        migrations.AddIndex(
            model_name='suitemembership',
            index=models.Index(fields=['archive', 'suite', 'package_name'], name='suite_by_name'),
        ),
        migrations.AddConstraint(
            model_name='clearedcaution',
            constraint=models.UniqueConstraint(fields=('archive', 'suite', 'digest'), name='caution_cleared_once'),
        ),
        migrations.AddConstraint(
            model_name='conflict',
            constraint=models.UniqueConstraint(fields=('archive', 'package_name', 'version', 'architecture', 'build', 'offered_sha256', 'offered_size'), name='one_conflict_an_offer'),
        ),
        migrations.AddConstraint(
            model_name='definitionstatus',
            constraint=models.UniqueConstraint(fields=('archive', 'name'), name='definition_by_name'),
        ),
        migrations.AddConstraint(
            model_name='heldcandidate',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'waiting')), fields=('archive', 'suite'), name='one_waiting_candidate_a_suite'),
        ),
        migrations.AddConstraint(
            model_name='job',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'queued'), models.Q(('subject', ''), _negated=True)), fields=('archive', 'kind', 'subject'), name='one_queued_job_a_subject'),
        ),
        migrations.AddConstraint(
            model_name='notice',
            constraint=models.UniqueConstraint(condition=models.Q(('settled', None)), fields=('archive', 'kind', 'subject'), name='one_open_notice_a_matter'),
        ),
        migrations.AddConstraint(
            model_name='package',
            constraint=models.UniqueConstraint(fields=('archive', 'package_id', 'architecture', 'build'), name='package_key'),
        ),
        migrations.AddConstraint(
            model_name='packagename',
            constraint=models.UniqueConstraint(fields=('archive', 'name'), name='package_name_once'),
        ),
        migrations.AddConstraint(
            model_name='suitemembership',
            constraint=models.UniqueConstraint(fields=('archive', 'suite', 'package'), name='suite_member'),
        ),
        migrations.CreateModel(
            name='GroupArchive',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('archive', models.CharField(max_length=32)),
                ('group', models.ForeignKey(on_delete=models.CASCADE, related_name='archives', to='auth.group')),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('group', 'archive'), name='group_archive_once')],
            },
        ),
    ]
