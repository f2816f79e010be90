"""The broker of workers: kombu's transports, which put aside what is no message instead of ending the worker."""
