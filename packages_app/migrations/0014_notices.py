
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('packages_app', '0013_moves'),
    ]

    operations = [
        migrations.AlterField(
            model_name='notice',
            name='kind',
            field=models.CharField(choices=[('new_version', 'new version published'), ('version_conflict', 'version conflict'), ('signature_refused', 'signature refused'), ('job_failed', 'job failed'), ('expiry_near', 'expiry near'), ('verification_failed', 'verification failed'), ('candidate_held', 'candidate held back'), ('files_missing', 'pool files missing'), ('clock_wrong', 'clock wrong'), ('records_left_out', 'records left out'), ('record_not_mirrored', 'record without a row'), ('disk_nearly_full', 'disk nearly full'), ('message_unreadable', "message can't be read")], max_length=32),
        ),
    ]
