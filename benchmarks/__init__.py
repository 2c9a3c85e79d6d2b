"""What the figures of the documentation are measured with: `make bench`. Ratios against peers of the same run."""
