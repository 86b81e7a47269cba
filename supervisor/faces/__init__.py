"""What people and programs see: they read the picture of the fleet and compute nothing of their own."""
