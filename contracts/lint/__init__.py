"""The lint of an OpenAPI document: one file for each kind of rule, one table of all of them in lint.py."""
