"""The model `forward_unet_lite`."""
