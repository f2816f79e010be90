"""How long what a package says may be: below what apt's cache and dpkg's files hold, and what our own tables keep.

apt keeps each string of its cache with a length of 16 bits, and ends by SIGABRT on every client for one of 65,535
bytes and more (`DynamicMMap::WriteString`): a package's, a source's and a dependency's name, `name:architecture`,
every version (`core/version.py` bounds those), Section, Architecture. It reads no stanza of over 1,048,703 bytes
(`pkgTagFile::Resize`), and then none behind it. dpkg and apt name files after a package, and a file name has at most
255 bytes (NAME_MAX).
"""

from __future__ import annotations

LONGEST_FILE_NAME = 255
LONGEST_ARCHIVE_NAME = 247
"""Of the file that apt downloads: it puts `.FAILED` behind the name of one that is corrupt."""
LONGEST_NAME = 255
"""Of a package that is depended on, conflicted with or provided."""
LONGEST_ARCHITECTURE = 64
LONGEST_SECTION = 255
LONGEST_PRIORITY = 64
LONGEST_SOURCE = 1000
LONGEST_PARAGRAPH = 1_000_000
"""In bytes of UTF-8. The fields of the index come on top: Filename, sizes, hashes."""
MOST_FIELDS = 500
MOST_RELATIONS = 20_000
"""Of one paragraph: apt compares each with those before it. Debian's longest field has 1,600."""
MOST_ARCHITECTURES = 20
"""That the relations of one paragraph name behind colons: apt makes a package of each, and goes through all of them
for each relation. With 4,000 each of a client's apt-get takes 12 seconds, with 19,000 minutes."""
LONGEST_CONTROL_MEMBER = 100
"""Of a file's name beside `control` (dpkg.h, MAXCONTROLFILENAME)."""
LONGEST_CONFFILE_LINE = 997
"""A line of conffiles with its newline (dpkg.h, MAXCONFFILENAME, less the three that dpkg leaves free)."""
LONGEST_CONFFILE_PART = 255 - len(".dpkg-dist")
"""Of a conffile's path between two slashes: dpkg puts this behind the file that an administrator does not want."""
LONGEST_TRIGGER_LINE = 255
"""A line of triggers with its newline (dpkg.h, MAXTRIGDIRECTIVE, less one)."""
