"""Assembly: the one place where the parts of the registry meet."""
