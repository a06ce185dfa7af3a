"""`raymill workflows`: start runs of workflows, look at them, steer them."""
