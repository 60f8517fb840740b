"""Our own paths, one module each: what is measured, against which peer, and how."""
