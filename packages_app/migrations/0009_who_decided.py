from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('packages_app', '0008_notice_of_left_out'),
    ]

    operations = [
        migrations.AddField(
            model_name='heldcandidate',
            name='decided_as',
            field=models.CharField(blank=True, max_length=128),
        ),
        migrations.AddField(
            model_name='job',
            name='requested_as',
            field=models.CharField(blank=True, max_length=128),
        ),
    ]
