"""What radiates below a scan: current elements at places that are free, and a background of weak ones."""
