"""Jobs: asked for, claimed by one worker, run, woken again."""
