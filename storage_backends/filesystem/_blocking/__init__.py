"""The filesystem store's system calls. All of it blocks: only the store beside it calls it, in its threads."""
