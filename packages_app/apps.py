"""The application that holds the repository manager."""

from django.apps import AppConfig


class PackagesAppConfig(AppConfig):
    """Names the application."""

    name = "packages_app"
    verbose_name = "APT repository"

    def ready(self) -> None:
        """Refuse, at the start of each process, a setting that names what the models do not have."""
        from packages_app.services.notices.notify import wanted_kinds

        wanted_kinds()
