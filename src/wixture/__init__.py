"""Wixture: test apps that talk to Wix's loyalty and marketing consent APIs, without Wix."""

__version__ = "0.1.0"
