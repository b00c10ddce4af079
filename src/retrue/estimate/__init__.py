"""What a change costs, and how the model does where no label is known yet."""
