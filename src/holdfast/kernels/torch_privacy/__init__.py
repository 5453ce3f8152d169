"""What differentiable models give away of the records they were trained on."""
