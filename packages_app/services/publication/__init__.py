"""Publication: asked for, published under a lease, held back, signed again, with the files of the root."""
