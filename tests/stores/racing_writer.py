"""One of several processes that write the same objects: prints the keys that it won.

The one argument is the store's location, as repr gives it.
"""

import os
import sys

ROUNDS = 25


def race(store):
    from packages_app.core.errors import ObjectChanged, ObjectExists

    for number in range(ROUNDS):
        try:
            store.put(f"raced/{number}", b"%d" % os.getpid(), if_none_match=True)
            sys.stdout.write(f"raced/{number}\n")
        except ObjectExists:
            pass
        while True:
            seen = store.head("counter")
            count = int(store.read("counter"))
            try:
                store.put("counter", b"%d" % (count + 1), if_match=seen.etag)
                break
            except ObjectChanged:
                continue


if __name__ == "__main__":
    from pathlib import PosixPath

    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "repomgr.settings"
    django.setup()
    from packages_app.core.locations import FolderStore, S3Store
    from packages_app.stores.open_store import open_store

    names = {"FolderStore": FolderStore, "S3Store": S3Store, "PosixPath": PosixPath}
    race(open_store(eval(sys.argv[1], names)))
