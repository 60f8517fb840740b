"""Makes the sample files of `examples/imports/`: invented persons, typed as offices type them, with their faults."""
