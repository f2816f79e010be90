"""Lists whose actions change rights: whoever does one proves anew who he is, once that is some minutes ago."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin

from packages_app.admin.read_only import may_administer
from packages_app.services.sign_in.note import require_fresh


class FreshActions(ModelAdmin):
    """Asks for it where an action is posted, of who may do any."""

    def may_act(self, request: HttpRequest) -> bool:
        """Return whether the user may do an action of this list."""
        return may_administer(request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, or do what is asked of chosen rows."""
        if request.method == "POST" and self.may_act(request):
            require_fresh(request)
        response: HttpResponse = super().changelist_view(request, extra_context)
        return response
