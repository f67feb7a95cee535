"""The search for the few sources that explain a scan, and the modes in which it gives their field: nothing learned."""
