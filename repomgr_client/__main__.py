"""`python -m repomgr_client`: the command `repomgr`."""

import sys

from repomgr_client.command import main

if __name__ == "__main__":
    sys.exit(main())
