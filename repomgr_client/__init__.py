"""The client of repomgr's API: the command `repomgr`. It stands alone, on httpx, tqdm and the standard library."""
