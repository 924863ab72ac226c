"""The command line: `aktif …`."""
