"""The audit trail: one place writes its lines, seals them into a chain, finds and gives them."""
