"""The system calls of layouts. All of it blocks: only the modules beside it call it, in their threads."""
