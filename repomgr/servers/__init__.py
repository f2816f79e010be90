"""Servers for one host without Docker: PostgreSQL and Redis of Debian's, moto in place of S3 and DynamoDB.

For trying the distributed column, and for the tests. What they hold is gone when they end.
"""
