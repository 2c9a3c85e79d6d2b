"""A newsletter with double opt-in, and loyalty points for whoever follows the shop."""
