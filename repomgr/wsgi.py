"""The WSGI application that `repomgr.web` serves."""

import gc
import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from repomgr.command_line import look_for_home
from repomgr.settings_file import load_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "repomgr.settings")
# What is imported stays to the end: it is not looked through for garbage, neither now nor while requests wait.
gc.disable()
load_settings()
look_for_home()
application = get_wsgi_application()
# With the addresses come all pages: what can't be imported stops the start, and the first request need not wait.
import_module(settings.ROOT_URLCONF)
gc.collect()
gc.freeze()
gc.enable()
