"""What the simulator draws: one module a scene kind."""
