"""Sixteen who push at once, some the same and some other bytes of a version: nothing is lost, little is published."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.debs import build_deb

VERSIONS, TWICE = 8, 4
"""So many versions are pushed, of the first ones the same bytes once more, and other bytes once more."""


def test_nothing_is_lost_of_what_many_push_at_once(product, tmp_path):
    first = [build_deb(tmp_path / "first", "many", f"{number}.0") for number in range(VERSIONS)]
    others = [build_deb(tmp_path / "others", "many", f"{number}.0", files={"usr/x": b"x"}) for number in range(TWICE)]
    files = [*first, *first[:TWICE], *others]
    tokens = [secret for name, secret in product.tokens.items() if name.startswith("one of many")]
    assert len(files) == len(tokens)

    def pushed(file, secret):
        shown = {"Authorization": f"Bearer {secret}"}
        answer = httpx.put(
            f"{product.running.url}/upload/-/-/{file.name}", content=file.read_bytes(), headers=shown, timeout=120
        )
        said = answer.json()
        while answer.status_code == httpx.codes.ACCEPTED and said["standing"] in ("waiting", "taken in"):
            number = said["job"]["id"]
            said = httpx.get(
                f"{product.running.url}/api/v1/uploads/{number}", params={"wait": 5}, headers=shown, timeout=120
            ).json()
        return answer.status_code, said.get("standing", said.get("code"))

    before = len(product.publications("stable"))
    with ThreadPoolExecutor(len(files)) as threads:
        ended = list(threads.map(pushed, files, tokens))
    # Of each contested version one of both is there, and who pushed the other is told so, at once or by the job.
    told = Counter(standing for _, standing in ended)
    lost = told["version_conflict"] + told["failed"]
    there = told["shown"] + told["taken in"]  # what is known already is not waited for
    assert (there, TWICE <= lost <= 2 * TWICE) == (len(files) - lost, True), ended
    records = product.client("packages", "many").said
    assert sorted(one["version"] for one in records) == [f"{number}.0" for number in range(VERSIONS)]
    assert len(product.publications("stable")) - before <= VERSIONS
