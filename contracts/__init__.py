"""What the contract says, and whether somebody keeps it. Serves nothing."""
