"""What changed between two contracts, and for whom it breaks."""
