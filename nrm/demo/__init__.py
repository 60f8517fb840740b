"""The demonstration: plays the histories in `examples/` over HTTP and checks every count against the files alone."""
