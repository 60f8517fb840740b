"""The audit demonstration: commits the seven attacks on a real register and shows what `nrm verify` finds."""
