"""The model `fourier_neural_operator`."""
