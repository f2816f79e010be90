"""`PUT /dput/SUITE/FILE`: what dput and dput-ng send, each file by itself, the .changes last."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from packages_app.api.bodies import files_of
from packages_app.api.needs import UPLOADS
from packages_app.api.problems import BadRequest, problem_of_any
from packages_app.api.uploads import answer_to
from packages_app.services.pushes.dput import CHANGES, complete, keep_waiting
from packages_app.services.rights.shown_token import shown_token


@csrf_exempt
def put_for_dput(request: HttpRequest, suite: str, filename: str) -> HttpResponse:
    """Keep a file until its .changes comes, which is answered as `POST /api/v1/uploads` is."""
    if request.method != "PUT":
        return HttpResponseNotAllowed(["PUT"])
    try:
        user, token = UPLOADS(request), shown_token()
        assert token is not None  # noqa: S101 - UPLOADS asks for one
        said: dict[str, Any] = {}
        if request.content_type == "multipart/form-data":
            raise BadRequest("A form was sent.", remedy="Send the file itself as the body: dput, dput-ng, curl -T.")
        with files_of(request, filename) as [(path, name)]:
            if name.endswith(CHANGES):
                _, said = answer_to(complete(path, suite, token.number, user), 0)
            else:
                keep_waiting(path, name, suite, token.number)
    except Exception as error:
        return problem_of_any(request, error)
    return JsonResponse(said, status=HTTPStatus.CREATED)
