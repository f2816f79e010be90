"""A `.deb` opened without trusting it, control paragraphs, stanzas."""
