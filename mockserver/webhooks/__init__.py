"""Webhooks: what happened becomes an event, the event a signed token, the token a delivery that is tried again."""
