"""Speed, measured as ratios against the bare thing within one run (`make bench`)."""
