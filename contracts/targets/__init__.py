"""Endpoints to call with care: the mock, a staging site, or the real one."""
