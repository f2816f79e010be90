"""The application that holds the repository manager."""

from django.apps import AppConfig


class PackagesAppConfig(AppConfig):
    """Names the application."""

    name = "packages_app"
    verbose_name = "APT repository"
