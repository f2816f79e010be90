"""Repair: what a verification found is put right; a force rebuild makes everything again."""
