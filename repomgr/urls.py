"""Addresses of the web process."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from packages_app import views
from packages_app.admin.sign_in import further_addresses
from packages_app.api.dput import put_for_dput
from packages_app.api.put import put_package
from packages_app.api.router import api

admin.autodiscover()

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    *(path("admin/", include(addresses)) for addresses in further_addresses()),
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls),
    path("upload/<str:suite>/<str:component>/<str:filename>", put_package, name="put_package"),
    path("dput/<str:suite>/<str:filename>", put_for_dput, name="put_for_dput"),
    path("repository/", views.repository_object),
    path("repository/<path:key>", views.repository_object),
]

handler500 = "repomgr.failures.failed"
