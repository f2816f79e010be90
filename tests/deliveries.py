"""Uploads in the admin as tests make them: files are sent, and what the page behind has ticked is taken in."""

import re

from django.core.files.uploadedfile import SimpleUploadedFile

UPLOAD = "/admin/packages_app/package/upload/"


def sent(path, name=""):
    """Give a file as a form has it."""
    return SimpleUploadedFile(name or path.name, path.read_bytes())


def send(client, *paths, **place):
    """Send files by one form; gives the answer."""
    return client.post(UPLOAD, {"file": [sent(path) for path in paths], **place})


def ticked(page):
    """Give the numbers of the files that a page has ticked."""
    return re.findall(r'name="file" value="([0-9a-f]+)" checked', page)


def upload(client, *paths, **place):
    """Send files and take in what the page has ticked; gives the last answer, that of the form where it refuses."""
    answer = send(client, *paths, **place)
    if answer.status_code != 302:
        return answer
    return client.post(answer.url, {"file": ticked(client.get(answer.url).text)})
