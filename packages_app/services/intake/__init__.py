"""Intake: uploads, builds and what upstream offers, admitted, stored in the pool, recorded and shown; see `take_in`."""
