"""A server that keeps the contract and remembers."""
