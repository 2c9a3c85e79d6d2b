"""One connection: what arrives on it, what is read from it, and what it may take."""
