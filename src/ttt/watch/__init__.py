"""What people and monitors see of a training: progress, alerts, gauges. It changes no result."""
