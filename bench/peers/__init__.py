"""What a user would pick instead, and the limits of the machine: each on the same work, in the same run."""
