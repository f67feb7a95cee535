"""Where a scan comes from, as its page and picture show it: sources in free space, or currents on a known board."""
