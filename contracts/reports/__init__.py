"""A run, printed: one file for each kind of report. Every `render` takes a run that is already redacted."""
