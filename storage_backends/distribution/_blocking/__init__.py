"""The system calls behind the folders of another registry. All of it blocks: only the module beside it calls it."""
