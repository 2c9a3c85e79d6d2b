"""Whether a target keeps what the contract and its rules promise: scenarios, checks, and a run of them."""
