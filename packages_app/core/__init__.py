"""Values and rules; no Django, no network, no disk but the configuration."""
