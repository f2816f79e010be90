from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('packages_app', '0006_publication_lists'),
    ]

    operations = [
        migrations.RenameField(model_name='heldcandidate', old_name='faults', new_name='findings'),
    ]
