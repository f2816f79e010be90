"""The API for machines: thin routes over the services, errors as problem documents (docs/API.md)."""
