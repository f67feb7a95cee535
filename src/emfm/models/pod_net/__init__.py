"""The model `pod_net`."""
