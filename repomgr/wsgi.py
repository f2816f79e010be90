"""The WSGI application that gunicorn serves."""

import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "repomgr.settings")
application = get_wsgi_application()
# With the addresses come all pages: what can't be imported stops the start, and the first request need not wait.
import_module(settings.ROOT_URLCONF)
