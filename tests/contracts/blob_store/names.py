"""Keys and names that no store takes."""

NO_UPLOAD = "0" * 32
NO_BLOB = f"sha256/ab/ab{'0' * 62}.{NO_UPLOAD}"
HOSTILE = [
    "",
    ".",
    "..",
    "/",
    "../x",
    "a/../b",
    "/etc/passwd",
    "a//b",
    "a/",
    "a\0",
    "a\n",
    ".hidden",
    "a/.b",
    "é",
    "a b",
]
