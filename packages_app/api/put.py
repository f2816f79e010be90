"""`curl -T FILE ADDRESS/upload/SUITE/COMPONENT/`: a package as a PUT's body, to the place that its address says."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from packages_app.api.bodies import files_of
from packages_app.api.needs import UPLOADS
from packages_app.api.problems import problem_of_any
from packages_app.api.uploads import answer_to
from packages_app.services.pushes.push import place_at, push


@csrf_exempt
def put_package(request: HttpRequest, suite: str, component: str, filename: str) -> HttpResponse:
    """Take a package in, and answer as `POST /api/v1/uploads` does, in JSON."""
    if request.method != "PUT":
        return HttpResponseNotAllowed(["PUT"])
    try:
        user = UPLOADS(request)
        with files_of(request, filename) as files:
            pushed = push(files, place_at(suite, component), user)
        wait = request.GET.get("wait", "0")
        seconds = int(wait) if wait.isascii() and wait.isdigit() and len(wait) < 9 else 0
        status, said = answer_to(pushed, seconds)
    except Exception as error:
        return problem_of_any(request, error)
    # curl tells of what it has sent by 201 as by 200; what was there already is no news.
    created = HTTPStatus.CREATED if status == HTTPStatus.OK and pushed.job is not None else status
    return JsonResponse(said, status=created)
