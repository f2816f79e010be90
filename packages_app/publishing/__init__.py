"""Object stores, and the ordered way of a publication into the bucket."""
