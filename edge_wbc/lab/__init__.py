"""What only the server runs: data, drawing, training and evaluation."""
