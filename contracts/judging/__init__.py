"""Recorded traffic, judged: what each exchange promises, which forms of the ledger it shows, what changed."""
