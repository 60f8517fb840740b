"""The benchmarks: our system and the limit it runs against, side by side in one run, as ratios."""
